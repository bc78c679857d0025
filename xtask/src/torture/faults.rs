//! What happens to the processes, and when: decided beforehand from the seed.

use super::{LEASE, load::Load, redis::DurableRedis, seconds, wire::Ailment};
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
    /// What connects them with it.
    Wire,
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
    /// The wire does this to answers.
    Ail(Ailment),
    /// It is sound again.
    Heal,
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
    /// How many times longer than that the luckiest is left alone: what is kept
    /// in memory shows only where a process lives long.
    rarest: u32,
    /// What happens to it.
    troubles: &'static [Trouble],
}

/// One kind of fault.
struct Trouble {
    /// How it begins and ends.
    acts: (Act, Act),
    lasts: Range<Duration>,
    /// How often it is chosen, compared with the others.
    weight: u32,
}

const fn ms(from: u64, to: u64) -> Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

const fn trouble(acts: (Act, Act), lasts: Range<Duration>, weight: u32) -> Trouble {
    Trouble {
        acts,
        lasts,
        weight,
    }
}

const DEATH: (Act, Act) = (Act::Kill, Act::Restart);
const STUPOR: (Act, Act) = (Act::Stop, Act::Continue);

const NODE: Habit = Habit {
    healthy: ms(500, 2500),
    rarest: 4,
    troubles: &[
        trouble(DEATH, ms(50, 1500), 3),
        // Longer than the lease: others take over, and what was stopped wakes
        // up in a world that has gone on.
        trouble(
            STUPOR,
            LEASE.saturating_add(Duration::from_millis(200))
                ..LEASE.saturating_add(Duration::from_millis(2000)),
            2,
        ),
    ],
};

const REDIS: Habit = Habit {
    healthy: ms(300, 2500),
    rarest: 4,
    troubles: &[
        trouble(DEATH, ms(50, 1000), 1),
        // About the nodes' patience with it: some steps fail whose effect comes
        // all the same.
        trouble(STUPOR, ms(500, 2000), 1),
    ],
};

const WIRE: Habit = Habit {
    healthy: ms(500, 2500),
    rarest: 1,
    troubles: &[
        trouble((Act::Ail(Ailment::Slow), Act::Heal), ms(300, 2000), 1),
        trouble((Act::Ail(Ailment::Half), Act::Heal), ms(300, 2000), 1),
        trouble((Act::Ail(Ailment::Lost), Act::Heal), ms(300, 2000), 2),
    ],
};

impl Habit {
    fn trouble(&self, rng: &mut Rng) -> &Trouble {
        let all: u32 = self.troubles.iter().map(|t| t.weight).sum();
        let mut drawn = rng.u32(..all);
        let found = self.troubles.iter().find(|trouble| {
            let here = drawn < trouble.weight;
            drawn = drawn.saturating_sub(trouble.weight);
            here
        });
        found.unwrap_or(&self.troubles[0])
    }
}

impl Target {
    const fn habit(self) -> &'static Habit {
        match self {
            Self::Node(_) => &NODE,
            Self::Redis => &REDIS,
            Self::Wire => &WIRE,
        }
    }

    fn name(self, load: &Load) -> &str {
        match self {
            Self::Node(nth) => load.node(nth),
            Self::Redis => "redis",
            Self::Wire => "wire",
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
            Self::Ail(Ailment::Slow) => "slow",
            Self::Ail(Ailment::Half) => "half",
            Self::Ail(Ailment::Lost) => "lost",
            Self::Heal => "heal",
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
            let rarity = rng.u32(1..=habit.rarest);
            let mut at = pick(&mut rng, &habit.healthy) * rarity;
            while at < duration {
                let Trouble { acts, lasts, .. } = habit.trouble(&mut rng);
                let (begin, end) = *acts;
                let until = (at + pick(&mut rng, lasts)).min(duration);
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
                (Target::Redis | Target::Wire, Some(redis)) => on_redis(redis, *act)?,
                (Target::Redis | Target::Wire, None) => None,
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
        // A node has no wire of its own.
        Act::Ail(_) | Act::Heal => {}
    }
    Ok(None)
}

/// Does it to Redis or its wire; gives why there was nothing to kill.
fn on_redis(redis: &mut DurableRedis, act: Act) -> Result<Option<anyhow::Error>> {
    match act {
        Act::Kill => return Ok(redis.kill().err()),
        Act::Restart => redis.restart()?,
        Act::Stop => redis.signal(Signal::STOP),
        Act::Continue => redis.signal(Signal::CONT),
        Act::Ail(ailment) => redis.wire().ail(Some(ailment)),
        Act::Heal => redis.wire().ail(None),
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
        let targets = [
            Target::Node(0),
            Target::Node(1),
            Target::Redis,
            Target::Wire,
        ];
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
                        (Act::Kill, Act::Restart)
                            | (Act::Stop, Act::Continue)
                            | (Act::Ail(_), Act::Heal)
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
