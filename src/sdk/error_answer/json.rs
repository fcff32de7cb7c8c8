//! Errors in JSON: `{"__type": "namespace#Code", "message": "…"}` and its relatives.

use serde_json::{Map, Value};

use super::ErrorAnswer;

/// Reads the code and the message, or nothing. Names of fields differ in case from service to service.
pub(super) fn read(body: &[u8]) -> ErrorAnswer {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return ErrorAnswer::default();
    };
    let answer = of_fields(&fields);
    if !answer.code.is_empty() {
        return answer;
    }
    // Query services that are asked for JSON answer `{"Error": {"Code": …}}`.
    match field(&fields, "error") {
        Some(Value::Object(inner)) => of_fields(inner),
        _ => answer,
    }
}

fn of_fields(fields: &Map<String, Value>) -> ErrorAnswer {
    let text = |name| field(fields, name).and_then(Value::as_str);
    ErrorAnswer::new(text("__type").or_else(|| text("code")), text("message"))
}

fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let named = |(key, value): (&String, _)| str::eq_ignore_ascii_case(key, name).then_some(value);
    fields.iter().find_map(named)
}
