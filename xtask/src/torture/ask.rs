//! One request: asked, and asked again, until it has its answer.

use super::{
    apps::Answer,
    load::{Load, Request, SETTLE},
};
use cargo_skylark::client::{ClientError, InvokeOptions, RunView};
use serde_json::Value;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How long a caller waits for one attempt, chosen at random: some go away
/// before the node gives up (`--wait`), some after.
const PATIENCE: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(7),
];
/// First and longest pause between attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long somebody takes who completes a promise, chosen at random: some do it
/// before the run waits for it.
const OPINIONS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(600),
];
/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(20);
/// Attempts at the first node before others that share its store are tried.
const AT_FIRST: usize = 2;
/// What one attempt came to.
enum Attempt<T> {
    /// That.
    Got(T),
    /// Nothing is known; ask again.
    Again,
    /// What no fault explains.
    Wrong(String),
}

/// A run that has ended.
pub(super) struct Ended {
    pub(super) run: String,
    pub(super) answer: Answer,
    pub(super) how: How,
}

/// How its end became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The call was answered.
    Answered,
    /// The call was answered, as one that had been before.
    Replayed,
    /// By a look at the run.
    Looked,
    /// By a look at the run, since the call that waited for it was answered
    /// with an error.
    Overdue,
}

impl Load {
    /// The node for the `nth` attempt.
    fn route(&self, request: &Request, nth: usize) -> usize {
        let on = if self.shared() {
            nth.saturating_sub(AT_FIRST - 1)
        } else {
            0
        };
        (request.node + on) % self.nodes()
    }

    /// Asks until the answer is there, or it is too late; what is wrong is
    /// noted.
    pub(super) async fn ask(&self, request: &mut Request, rng: &mut fastrand::Rng) {
        let began = Instant::now();
        request.sent = began.duration_since(self.begun());
        let done = if request.asynchronous {
            self.ask_asynchronously(request, rng).await
        } else {
            self.ask_synchronously(request, rng).await
        };
        request.took = began.elapsed();
        match done {
            Ok(ended) => {
                if let Err(wrong) = request.app.check(request.key, &ended.answer) {
                    request.run = Some(ended.run.clone());
                    self.wrong(Some(request), wrong);
                }
                request.run = Some(ended.run);
                request.answer = Some(ended.answer);
                self.counts.answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(wrong) => self.wrong(Some(request), wrong),
        }
    }

    async fn ask_synchronously(
        &self,
        request: &Request,
        rng: &mut fastrand::Rng,
    ) -> Result<Ended, String> {
        self.until_got(request, |node| {
            let patience = PATIENCE[rng.usize(..PATIENCE.len())];
            async move { self.call(request, node, patience).await }
        })
        .await
    }

    async fn ask_asynchronously(
        &self,
        request: &mut Request,
        rng: &mut fastrand::Rng,
    ) -> Result<Ended, String> {
        let run = self
            .until_got(request, |node| {
                let patience = PATIENCE[rng.usize(..PATIENCE.len())];
                let request = &*request;
                async move { self.submit(request, node, patience).await }
            })
            .await?;
        request.run = Some(run.clone());
        let (request, run) = (&*request, run.as_str());
        if let Some((promise, value)) = request.app.promise(request.key) {
            let promise = format!("{run}~{promise}");
            self.complete(request, &promise, &value, rng).await?;
        }
        self.until_got(request, |node| async move {
            self.look(run, node, request.until).await
        })
        .await
    }

    /// Completes the promise that a run waits for, or will: at every store in
    /// which it may, as whoever comes from outside knows none. Some do so twice.
    async fn complete(
        &self,
        request: &Request,
        promise: &str,
        value: &Value,
        rng: &mut fastrand::Rng,
    ) -> Result<(), String> {
        sleep(OPINIONS[rng.usize(..OPINIONS.len())]).await;
        let stores = if self.shared() { 1 } else { self.nodes() };
        for _ in 0..rng.u32(1..=2) {
            for store in 0..stores {
                self.until_got(request, |node| async move {
                    let url = self.url((node + store) % self.nodes());
                    let json = value.to_string().into_bytes();
                    let complete = self.client().complete(url, promise, Ok(json));
                    match timeout(PATIENCE[1], complete).await {
                        Err(_) => Attempt::Again,
                        Ok(Ok(())) => Attempt::Got(()),
                        Ok(Err(error)) => refused(error),
                    }
                })
                .await?;
            }
        }
        self.counts.promises.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Attempts, at one node after the other, until one succeeds.
    async fn until_got<T, F>(
        &self,
        request: &Request,
        mut attempt: impl FnMut(usize) -> F,
    ) -> Result<T, String>
    where
        F: Future<Output = Attempt<T>>,
    {
        let mut pause = PAUSE.0;
        let mut nth = 0;
        loop {
            match attempt(self.route(request, nth)).await {
                Attempt::Got(got) => return Ok(got),
                Attempt::Wrong(what) => return Err(what),
                Attempt::Again => {}
            }
            if Instant::now() > request.until {
                return Err(format!("no answer within {SETTLE:?} after the last fault"));
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
            nth += 1;
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// One synchronous attempt.
    async fn call(&self, request: &Request, node: usize, patience: Duration) -> Attempt<Ended> {
        let (function, input) = request.app.request(request.key);
        let (url, app) = (self.url(node), request.app.package());
        let options = self.options(request);
        let input = input.to_string().into_bytes();
        let call = self.client().invoke(url, app, function, input, &options);
        match timeout(patience, call).await {
            Err(_) => Attempt::Again,
            Ok(Ok(invoked)) => {
                let how = if invoked.replayed {
                    self.counts.replays.fetch_add(1, Ordering::Relaxed);
                    How::Replayed
                } else {
                    How::Answered
                };
                ended(&invoked.run, how)
            }
            Ok(Err(error)) => self.judge(node, error).await,
        }
    }

    /// One attempt to have an asynchronous run accepted.
    async fn submit(&self, request: &Request, node: usize, patience: Duration) -> Attempt<String> {
        let (function, input) = request.app.request(request.key);
        let (url, app) = (self.url(node), request.app.package());
        let options = self.options(request);
        let input = input.to_string().into_bytes();
        let submit = self.client().submit(url, app, function, input, &options);
        match timeout(patience, submit).await {
            Err(_) => Attempt::Again,
            Ok(Ok(accepted)) => Attempt::Got(accepted.id),
            Ok(Err(error)) => refused(error),
        }
    }

    /// Looks at an accepted run until it has ended, or the node goes away.
    async fn look(&self, run: &str, node: usize, until: Instant) -> Attempt<Ended> {
        loop {
            let look = self.client().run(self.url(node), run);
            match timeout(PATIENCE[0], look).await {
                Err(_) => return Attempt::Again,
                Ok(Err(error)) if error.is_not_found() => {
                    return Attempt::Wrong("it was accepted, and then unknown".into());
                }
                Ok(Err(error)) => return refused(error),
                Ok(Ok(view)) if !view.is_running() => return ended(&view, How::Looked),
                Ok(Ok(_)) if Instant::now() > until => return Attempt::Again,
                Ok(Ok(_)) => sleep(LOOK).await,
            }
        }
    }

    /// Asks once more what has been answered: a synchronous request is sent
    /// again to `node`, an asynchronous one's run is looked at there.
    pub(super) async fn again(
        &self,
        request: &Request,
        node: usize,
    ) -> Option<Result<Ended, String>> {
        let attempt = match (&request.run, request.asynchronous) {
            (Some(run), true) => self.look(run, node, request.until).await,
            _ => self.call(request, node, PATIENCE[2]).await,
        };
        match attempt {
            Attempt::Got(ended) => Some(Ok(ended)),
            Attempt::Wrong(what) => Some(Err(what)),
            Attempt::Again => None,
        }
    }

    fn options(&self, request: &Request) -> InvokeOptions {
        InvokeOptions {
            key: Some(self.key(request)),
            policy: Some(request.app.policy(self.shared()).into()),
            raw: false,
        }
    }

    /// What an error of a synchronous call says: of the run, if it names one,
    /// or of the node.
    async fn judge(&self, node: usize, error: ClientError) -> Attempt<Ended> {
        let run = error.problem().and_then(|p| p.members.get("run_id"));
        let Some(run) = run.and_then(|run| run.as_str()) else {
            return refused(error);
        };
        // It may have failed, or only not have ended so far.
        match timeout(PATIENCE[0], self.client().run(self.url(node), run)).await {
            Ok(Ok(view)) if !view.is_running() => ended(&view, How::Overdue),
            _ => Attempt::Again,
        }
    }
}

/// Statuses that promise that another attempt may succeed.
const PASSING: [u16; 4] = [408, 429, 503, 504];

/// An error that names no run: whether a fault explains it.
fn refused<T>(error: ClientError) -> Attempt<T> {
    match &error {
        ClientError::Unreachable { .. } => Attempt::Again,
        ClientError::Problem(problem) if PASSING.contains(&problem.status) => Attempt::Again,
        _ => Attempt::Wrong(format!("refused: {error}")),
    }
}

fn ended(view: &RunView, how: How) -> Attempt<Ended> {
    let answer = match &view.error {
        Some(failure) => Err(failure.clone()),
        None => match serde_json::from_str(view.result_text()) {
            Ok(value) => Ok(value),
            Err(error) => return Attempt::Wrong(format!("its result is no JSON: {error}")),
        },
    };
    Attempt::Got(Ended {
        run: view.id.clone(),
        answer,
        how,
    })
}
