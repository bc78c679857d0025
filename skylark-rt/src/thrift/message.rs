//! What is read and written of a message besides what generated code does.

use crate::bytes::Bytes;
use ::thrift::{
    ApplicationError, ApplicationErrorKind, Error,
    protocol::{
        TBinaryInputProtocol, TBinaryOutputProtocol, TInputProtocol, TMessageIdentifier,
        TMessageType, TOutputProtocol,
    },
};

/// How a message begins.
pub(super) fn begin(message: &[u8]) -> ::thrift::Result<TMessageIdentifier> {
    let limits = super::limits(message.len());
    TBinaryInputProtocol::with_config(message, true, limits).read_message_begin()
}

/// The answer to the call that began so, where there is none: an application exception
/// of this text.
pub(super) fn exception(call: &TMessageIdentifier, text: String) -> ::thrift::Result<Bytes> {
    let mut answer = Vec::new();
    let mut output = TBinaryOutputProtocol::new(&mut answer, true);
    let begin = TMessageIdentifier::new(
        call.name.clone(),
        TMessageType::Exception,
        call.sequence_number,
    );
    output.write_message_begin(&begin)?;
    let error = ApplicationError::new(ApplicationErrorKind::InternalError, text);
    Error::write_application_error_to_out_protocol(&error, &mut output)?;
    output.write_message_end()?;
    Ok(answer.into())
}
