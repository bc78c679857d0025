//! What a guest says: its standard output and error and its log lines, passed
//! on to the node's log within bounds, and the last of it kept for the message
//! of a failure.

use super::failure::{Ended, bytes};
use skylark_abi::call::{Failure, FailureKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

/// Longest line that is passed on, in bytes; the rest of a line is left out.
const MAX_LINE: usize = 4 * 1024;
/// How much of the last error output is kept, in bytes.
const TAIL: usize = 16 * 1024;
/// Most that one write takes, in bytes.
const MAX_WRITE: usize = 64 * 1024;

/// Where a piece of text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Stdout,
    Stderr,
}

/// One call's voice; shared with the WASI streams, which must own it.
#[derive(Debug)]
pub(super) struct Voice(Mutex<Said>);

#[derive(Debug)]
struct Said {
    lines_left: u32,
    out: Line,
    err: Line,
    tail: Vec<u8>,
    collected: Option<Collected>,
}

/// Standard output that is a command's result.
#[derive(Debug)]
struct Collected {
    bytes: Vec<u8>,
    limit: usize,
}

/// A line not yet ended.
#[derive(Debug, Default)]
struct Line {
    text: Vec<u8>,
    cut: bool,
}

impl Voice {
    /// Passes on at most `lines` lines. Standard output is collected up to
    /// `collect` bytes if that is given, and passed on by lines otherwise.
    pub(super) fn new(lines: u32, collect: Option<usize>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Said {
            lines_left: lines,
            out: Line::default(),
            err: Line::default(),
            tail: Vec::new(),
            collected: collect.map(|limit| Collected {
                bytes: Vec::new(),
                limit,
            }),
        })))
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        // Nothing here panics half-way; a poisoned lock holds good text.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A log line of the guest; levels as in [`skylark_abi::names::LOG`].
    pub(super) fn log(&self, level: i32, text: &[u8]) {
        let said = &mut *self.said();
        if level <= 1 {
            said.remember(text);
            said.remember(b"\n");
        }
        if !said.may_speak() {
            return;
        }
        let cut = &text[..text.len().min(MAX_LINE)];
        let text = String::from_utf8_lossy(cut);
        match level {
            ..=1 => tracing::error!(target: "skylark::guest", "{text}"),
            2 => tracing::warn!(target: "skylark::guest", "{text}"),
            3 => tracing::info!(target: "skylark::guest", "{text}"),
            4 => tracing::debug!(target: "skylark::guest", "{text}"),
            5.. => tracing::trace!(target: "skylark::guest", "{text}"),
        }
    }

    fn write(&self, source: Source, text: &[u8]) -> Result<(), Failure> {
        let said = &mut *self.said();
        if source == Source::Stderr {
            said.remember(text);
        } else if let Some(collected) = &mut said.collected {
            return collected.push(text);
        }
        for piece in text.split_inclusive(|b| *b == b'\n') {
            let line = match source {
                Source::Stdout => &mut said.out,
                Source::Stderr => &mut said.err,
            };
            if line.push(piece) {
                let line = std::mem::take(line);
                said.pass_on(source, &line);
            }
        }
        Ok(())
    }

    /// Passes on what was not ended by a line feed; call it at the end.
    pub(super) fn finish(&self) {
        let said = &mut *self.said();
        for source in [Source::Stdout, Source::Stderr] {
            let line = match source {
                Source::Stdout => std::mem::take(&mut said.out),
                Source::Stderr => std::mem::take(&mut said.err),
            };
            if !line.text.is_empty() {
                said.pass_on(source, &line);
            }
        }
    }

    /// The last error output, at most [`TAIL`] bytes.
    pub(super) fn tail(&self) -> String {
        let said = self.said();
        let start = said.tail.len().saturating_sub(TAIL);
        String::from_utf8_lossy(&said.tail[start..]).into_owned()
    }

    /// The collected standard output.
    pub(super) fn take_collected(&self) -> Vec<u8> {
        let collected = self.said().collected.take();
        collected.map(|c| c.bytes).unwrap_or_default()
    }
}

impl Said {
    fn remember(&mut self, text: &[u8]) {
        self.tail.extend_from_slice(text);
        // Drop the front only now and then, not at each write.
        if self.tail.len() > 4 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Takes one line from the budget, and tells once when it is used up.
    fn may_speak(&mut self) -> bool {
        let Some(left) = self.lines_left.checked_sub(1) else {
            return false;
        };
        self.lines_left = left;
        if left == 0 {
            tracing::warn!(
                target: "skylark::guest",
                "the guest's further lines of this call are left out (option `log-lines`)"
            );
        }
        left > 0
    }

    fn pass_on(&mut self, source: Source, line: &Line) {
        if !self.may_speak() {
            return;
        }
        let text = String::from_utf8_lossy(&line.text);
        let more = if line.cut { "…" } else { "" };
        match source {
            Source::Stdout => tracing::info!(target: "skylark::guest", "{text}{more}"),
            Source::Stderr => tracing::warn!(target: "skylark::guest", "{text}{more}"),
        }
    }
}

impl Line {
    /// Adds a piece; whether it ends the line.
    fn push(&mut self, piece: &[u8]) -> bool {
        let (piece, ends) = match piece.strip_suffix(b"\n") {
            Some(p) => (p.strip_suffix(b"\r").unwrap_or(p), true),
            None => (piece, false),
        };
        let room = MAX_LINE - self.text.len();
        self.cut |= piece.len() > room;
        self.text.extend_from_slice(&piece[..piece.len().min(room)]);
        ends
    }
}

impl Collected {
    fn push(&mut self, text: &[u8]) -> Result<(), Failure> {
        if self.bytes.len() + text.len() > self.limit {
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the command wrote more than {} to its standard output, its limit `max-output`; \
                     write less, or raise `max-output`",
                    bytes(self.limit as u64)
                ),
            ));
        }
        self.bytes.extend_from_slice(text);
        Ok(())
    }
}

/// The stream that WASI writes to.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) voice: Arc<Voice>,
    pub(super) source: Source,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self {
            voice: Arc::clone(&self.voice),
            source: self.source,
        })
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Preview 1 asks for `p2_stream` only; this is its twin for preview 3,
        // which the engine does not offer.
        Box::new(tokio::io::sink())
    }
}

#[async_trait::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for Stream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.voice
            .write(self.source, &bytes)
            .map_err(|failure| StreamError::Trap(Ended(failure).into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_of_the_error_output() {
        let voice = Voice::new(10, None);
        for _ in 0..100 {
            voice.write(Source::Stderr, &[b'x'; 1024]).unwrap();
        }
        voice.write(Source::Stdout, b"not this").unwrap();
        voice.log(2, b"nor this");
        voice.log(1, b"the end");
        let tail = voice.tail();
        assert_eq!(tail.len(), TAIL);
        assert!(tail.ends_with("xthe end\n"), "{}", &tail[TAIL - 30..]);
    }

    #[test]
    fn a_long_line_is_cut_and_a_carriage_return_dropped() {
        let mut line = Line::default();
        assert!(!line.push(&[b'x'; MAX_LINE]));
        assert!(!line.push(b"y"));
        assert!(line.push(b"z\r\n"));
        assert!(line.cut);
        assert_eq!(line.text.len(), MAX_LINE);
        let mut line = Line::default();
        assert!(line.push(b"z\r\n"));
        assert_eq!((line.text.as_slice(), line.cut), (&b"z"[..], false));
    }
}
