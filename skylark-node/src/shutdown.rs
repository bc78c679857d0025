//! Signals: the first begins the drain, the second ends the process.

use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: 128 + SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by SIGTERM or SIGINT. A second one ends the
/// process at once.
///
/// # Errors
/// The signals cannot be listened for.
pub fn on_signals() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping; a second signal stops at once");
        stopped.cancel();
        either(&mut terminate, &mut interrupt).await;
        tracing::warn!("stopped at once; what was in flight is taken up again at the next start");
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}

async fn either(a: &mut Signal, b: &mut Signal) {
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
    }
}

/// What the process ends with after this error: its causes, one a line.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::FAILURE
}
