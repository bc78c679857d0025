//! The three services, each on a port of its own.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use textservice::{
    social::{
        TextServiceSyncClient, TextServiceSyncProcessor, UrlShortenServiceSyncProcessor,
        UserMentionServiceSyncProcessor,
    },
    text::{Input, Output, TextHandler, connect_url_shorten, connect_user_mention},
    url_shorten::UrlShortenHandler,
    user_mention::UserMentionHandler,
};
use thrift::{
    protocol::{TBinaryInputProtocol, TBinaryOutputProtocol},
    server::TProcessor,
    transport::{TBufferedReadTransport, TBufferedWriteTransport, TIoChannel, TTcpChannel},
};

/// Where the services are.
pub(crate) struct Services {
    pub(crate) text: SocketAddr,
    pub(crate) url_shorten: SocketAddr,
    pub(crate) user_mention: SocketAddr,
}

impl Services {
    pub(crate) fn start() -> thrift::Result<Self> {
        let url_shorten = serve(UrlShortenServiceSyncProcessor::new(UrlShortenHandler::new()));
        let user_mention = serve(UserMentionServiceSyncProcessor::new(
            UserMentionHandler::new(),
        ));
        let handler = TextHandler::new(
            connect_url_shorten(&url_shorten.to_string())?,
            connect_user_mention(&user_mention.to_string())?,
        );
        Ok(Self {
            text: serve(TextServiceSyncProcessor::new(handler)),
            url_shorten,
            user_mention,
        })
    }

    /// A client of the text service.
    pub(crate) fn connect(&self) -> thrift::Result<TextServiceSyncClient<Input, Output>> {
        let mut channel = TTcpChannel::new();
        channel.open(self.text.to_string())?;
        let (read, write) = channel.split()?;
        Ok(TextServiceSyncClient::new(
            TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true),
            TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true),
        ))
    }
}

/// Serves on a free port, as long as the test runs.
fn serve(processor: impl TProcessor + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let processor = Arc::new(processor);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let processor = Arc::clone(&processor);
            std::thread::spawn(move || {
                let (read, write) = TTcpChannel::with_stream(stream).split().unwrap();
                let mut input = TBinaryInputProtocol::new(TBufferedReadTransport::new(read), true);
                let mut output =
                    TBinaryOutputProtocol::new(TBufferedWriteTransport::new(write), true);
                while processor.process(&mut input, &mut output).is_ok() {}
            });
        }
    });
    address
}
