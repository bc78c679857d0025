//! Serves one of the services: `textservice text`, `textservice url-shorten` or
//! `textservice user-mention`.

use textservice::{
    social::{
        TextServiceSyncProcessor, UrlShortenServiceSyncProcessor, UserMentionServiceSyncProcessor,
    },
    text::{TextHandler, connect_url_shorten, connect_user_mention},
    url_shorten::UrlShortenHandler,
    user_mention::UserMentionHandler,
};
use thrift::{
    protocol::{TBinaryInputProtocolFactory, TBinaryOutputProtocolFactory},
    server::{TProcessor, TServer},
    transport::{TBufferedReadTransportFactory, TBufferedWriteTransportFactory},
};

const TEXT: &str = "127.0.0.1:9090";
const URL_SHORTEN: &str = "127.0.0.1:9091";
const USER_MENTION: &str = "127.0.0.1:9092";

fn serve(processor: impl TProcessor + Send + Sync + 'static, address: &str) -> thrift::Result<()> {
    let mut server = TServer::new(
        TBufferedReadTransportFactory::new(),
        TBinaryInputProtocolFactory::new(),
        TBufferedWriteTransportFactory::new(),
        TBinaryOutputProtocolFactory::new(),
        processor,
        8,
    );
    server.listen(address)
}

fn main() -> thrift::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("text") => {
            let handler = TextHandler::new(
                connect_url_shorten(URL_SHORTEN)?,
                connect_user_mention(USER_MENTION)?,
            );
            serve(TextServiceSyncProcessor::new(handler), TEXT)
        }
        Some("url-shorten") => {
            let handler = UrlShortenHandler::new();
            serve(UrlShortenServiceSyncProcessor::new(handler), URL_SHORTEN)
        }
        Some("user-mention") => {
            let handler = UserMentionHandler::new();
            serve(UserMentionServiceSyncProcessor::new(handler), USER_MENTION)
        }
        other => Err(format!("there is no service {other:?}").into()),
    }
}
