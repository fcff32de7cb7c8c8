//! Writes the XML of the query protocol.

use crate::error::ApiError;

/// Wraps the result of a successful action.
pub(crate) fn response(namespace: &str, action: &str, result: &str) -> String {
    format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        uuid::Uuid::new_v4()
    )
}

/// Writes an error.
pub(crate) fn error(namespace: &str, error: &ApiError) -> String {
    let fault = if error.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error>{}{}{}</Error><RequestId>{}</RequestId></ErrorResponse>",
        element("Type", fault),
        element("Code", &error.code),
        element("Message", &error.message),
        uuid::Uuid::new_v4()
    )
}

/// Writes `<name>text</name>` with the text escaped.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
