//! What happens to the processes, and when: decided beforehand from the seed.

use super::{LEASE, load::Load, redis::DurableRedis, seconds};
use anyhow::{Context as _, Result};
use cargo_skylark::cluster::Cluster;
use fastrand::Rng;
use rustix::process::Signal;
use std::{fs::File, io::Write as _, ops::Range, path::Path, time::Duration};
use tokio::time::sleep_until;

/// What is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A node, by its place in the cluster.
    Node(usize),
    /// The Redis that all share.
    Redis,
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// SIGKILL.
    Kill,
    /// The same program again, on what it left.
    Restart,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

/// One thing done at one moment, counted from the start of the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    at: Duration,
    target: Target,
    act: Act,
}

/// Every step, in order. Whatever is broken is mended by the last.
#[derive(Debug)]
pub(super) struct Faults {
    steps: Vec<Step>,
    log: Option<File>,
}

/// How one kind of target is treated.
struct Habit {
    /// Between the end of a fault and the next.
    healthy: Range<Duration>,
    /// From a kill to the restart.
    dead: Range<Duration>,
    /// From a stop to its end.
    stopped: Range<Duration>,
    /// Kills among ten faults.
    kills: u32,
}

/// How many times longer than its habit the luckiest target is left alone.
const RAREST: u32 = 4;

const fn ms(from: u64, to: u64) -> Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

const NODE: Habit = Habit {
    healthy: ms(500, 2500),
    dead: ms(50, 1500),
    // Longer than the lease: others take over, and what was stopped wakes up
    // in a world that has gone on.
    stopped: LEASE.saturating_add(Duration::from_millis(200))
        ..LEASE.saturating_add(Duration::from_millis(2000)),
    kills: 6,
};

const REDIS: Habit = Habit {
    healthy: ms(300, 2500),
    dead: ms(50, 1000),
    // About the nodes' patience with it: some steps fail whose effect comes
    // all the same.
    stopped: ms(500, 2000),
    kills: 5,
};

impl Target {
    const fn habit(self) -> &'static Habit {
        match self {
            Self::Node(_) => &NODE,
            Self::Redis => &REDIS,
        }
    }

    fn name(self, load: &Load) -> &str {
        match self {
            Self::Node(nth) => load.node(nth),
            Self::Redis => "redis",
        }
    }
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Continue => "continue",
        }
    }
}

impl Faults {
    /// Faults for `duration`, each target's independent of the others'.
    pub(super) fn plan(seed: u64, duration: Duration, targets: &[Target]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut steps = Vec::new();
        for target in targets {
            let mut rng = rng.fork();
            let habit = target.habit();
            // What is kept in memory shows only where a process lives long.
            let rarity = rng.u32(1..=RAREST);
            let mut at = pick(&mut rng, &habit.healthy) * rarity;
            while at < duration {
                let (begin, end, lasts) = if rng.u32(..10) < habit.kills {
                    (Act::Kill, Act::Restart, pick(&mut rng, &habit.dead))
                } else {
                    (Act::Stop, Act::Continue, pick(&mut rng, &habit.stopped))
                };
                let until = (at + lasts).min(duration);
                for (at, act) in [(at, begin), (until, end)] {
                    let target = *target;
                    steps.push(Step { at, target, act });
                }
                at = until + pick(&mut rng, &habit.healthy) * rarity;
            }
        }
        // Stable: a target's own order stays.
        steps.sort_by_key(|step| step.at);
        Self { steps, log: None }
    }

    /// Writes the plan to a file, and later beside it when each step was taken.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn log_to(&mut self, file: &Path, seed: u64, load: &Load) -> Result<()> {
        let write = || -> std::io::Result<File> {
            let mut log = File::create(file)?;
            writeln!(log, "seed {seed}\n\nplanned:")?;
            for Step { at, target, act } in &self.steps {
                let name = target.name(load);
                writeln!(log, "{:>10}  {name} {}", seconds(*at), act.name())?;
            }
            writeln!(log, "\ndone:")?;
            Ok(log)
        };
        let log = write().with_context(|| format!("cannot write {}", file.display()))?;
        self.log = Some(log);
        Ok(())
    }

    /// Steps of this kind against these targets.
    pub(super) fn count(&self, act: Act, of: impl Fn(Target) -> bool) -> usize {
        let counted = |step: &&Step| step.act == act && of(step.target);
        self.steps.iter().filter(counted).count()
    }

    /// Takes every step at its time.
    ///
    /// # Errors
    /// A program cannot be started again. A process that had ended by itself is
    /// what must not happen, and noted as such.
    pub(super) async fn happen(
        &mut self,
        cluster: &mut Cluster,
        mut redis: Option<&mut DurableRedis>,
        load: &Load,
    ) -> Result<()> {
        for Step { at, target, act } in &self.steps {
            sleep_until(load.begun() + *at).await;
            let began = load.begun().elapsed();
            let ended_by_itself = match (target, redis.as_deref_mut()) {
                (Target::Node(nth), _) => node(cluster, *nth, *act).await?,
                (Target::Redis, Some(redis)) => on_redis(redis, *act)?,
                (Target::Redis, None) => None,
            };
            if let Some(error) = ended_by_itself {
                load.wrong(None, format!("{error:#}"));
            }
            load.count_fault(*act);
            if let Some(log) = &mut self.log {
                let (at, name) = (seconds(began), target.name(load));
                let unix = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                writeln!(
                    log,
                    "{at:>10}  {name} {} (Unix time {})",
                    act.name(),
                    seconds(unix)
                )?;
            }
        }
        sleep_until(load.faults_end()).await;
        Ok(())
    }
}

/// Does it to a node; gives why there was nothing to kill.
async fn node(cluster: &mut Cluster, nth: usize, act: Act) -> Result<Option<anyhow::Error>> {
    match act {
        Act::Kill => return Ok(cluster.kill(nth).await.err()),
        Act::Restart => cluster.restart(nth)?,
        Act::Stop => cluster.pause(nth)?,
        Act::Continue => cluster.resume(nth)?,
    }
    Ok(None)
}

/// Does it to Redis; gives why there was nothing to kill.
fn on_redis(redis: &mut DurableRedis, act: Act) -> Result<Option<anyhow::Error>> {
    match act {
        Act::Kill => return Ok(redis.kill().err()),
        Act::Restart => redis.restart()?,
        Act::Stop => redis.signal(Signal::STOP),
        Act::Continue => redis.signal(Signal::CONT),
    }
    Ok(None)
}

fn pick(rng: &mut Rng, from: &Range<Duration>) -> Duration {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.u64(ms(from.start)..ms(from.end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_broken_is_mended_and_the_seed_decides() {
        let targets = [Target::Node(0), Target::Node(1), Target::Redis];
        let minute = Duration::from_secs(60);
        for seed in 0..200 {
            let faults = Faults::plan(seed, minute, &targets);
            assert_eq!(faults.steps, Faults::plan(seed, minute, &targets).steps);
            assert!(faults.steps.is_sorted_by_key(|step| step.at));
            for target in targets {
                let own = faults.steps.iter().filter(|step| step.target == target);
                let own: Vec<&Step> = own.collect();
                assert!(!own.is_empty(), "seed {seed} spares {target:?}");
                for pair in own.chunks(2) {
                    let [begin, end] = pair else {
                        panic!("seed {seed} leaves {target:?} broken")
                    };
                    let fits = matches!(
                        (begin.act, end.act),
                        (Act::Kill, Act::Restart) | (Act::Stop, Act::Continue)
                    );
                    assert!(fits && begin.at <= end.at, "seed {seed}: {pair:?}");
                    assert!(end.at <= minute, "seed {seed}: {end:?}");
                }
            }
        }
        let one = Faults::plan(1, minute, &targets).steps;
        assert_ne!(one, Faults::plan(2, minute, &targets).steps);
    }
}
