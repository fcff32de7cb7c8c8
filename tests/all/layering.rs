//! The modules use one another in one direction only, from the top down, and files do so without cycles.
//!
//! Read from the `use` lines of the sources: what the compiler sees is what is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, from the bottom up. A module may use those before it, and those in its own line's second column.
const LAYERS: [(&str, &[&str]); 15] = [
    ("util", &[]),
    ("hot", &["util"]),
    ("error", &[]),
    ("secret", &["error"]),
    ("sdk", &["error", "secret"]),
    ("kafka", &["error", "util"]),
    ("trigger", &["error", "secret", "kafka", "util", "refresh(docs)"]),
    ("source", &["error", "secret", "sdk", "trigger", "util"]),
    ("connect", &["error", "secret", "hot", "trigger"]),
    ("refresh", &["error", "secret", "hot", "trigger", "source", "connect", "util"]),
    ("test_util", &["error", "secret", "trigger", "source", "rotation"]),
    ("aws", &["error", "secret", "hot", "trigger", "source", "connect", "refresh", "sdk", "util"]),
    ("fleet", &["error", "secret", "hot", "refresh", "kafka", "util"]),
    ("rotation", &["error", "secret", "connect", "aws", "fleet", "kafka", "sdk", "util"]),
    ("docs", &[]),
];
