//! The layers: modules use one another from the top down only, and the files of a module use one another without cycles.
//!
//! Read from the `use` declarations and paths of the sources, comments left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Each module, and the modules that it may use. A module may use only those above its own line.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("util", &[]),
    ("hot", &["util"]),
    ("error", &[]),
    ("secret", &["error"]),
    ("sdk", &["error", "secret", "util"]),
    ("kafka", &["error", "util"]),
    ("trigger", &["secret", "error", "kafka", "util"]),
    ("source", &["error", "secret", "sdk", "trigger", "util"]),
    ("connect", &["error", "secret", "hot", "trigger"]),
    (
        "refresh",
        &[
            "error", "secret", "hot", "trigger", "source", "connect", "util",
        ],
    ),
    (
        "typed",
        &["error", "secret", "hot", "connect", "source", "refresh"],
    ),
    ("sql", &["error", "hot", "refresh", "typed", "util"]),
    (
        "aws",
        &[
            "error", "secret", "hot", "trigger", "source", "connect", "refresh", "typed", "sdk",
            "util",
        ],
    ),
    (
        "fleet",
        &["error", "secret", "hot", "refresh", "kafka", "util"],
    ),
    (
        "rotation",
        &[
            "error", "secret", "connect", "aws", "fleet", "kafka", "sdk", "util",
        ],
    ),
    (
        "test_util",
        &["error", "secret", "trigger", "source", "rotation", "util"],
    ),
    ("docs", &[]),
];

/// Names at the crate's root that are re-exports, and where they live.
const RE_EXPORTS: [(&str, &str); 10] = [
    ("Backoff", "util"),
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Refreshable", "refresh"),
    ("RefreshableCredentials", "aws"),
    ("RefreshableS3Client", "aws"),
    ("Secret", "secret"),
    ("SecretId", "secret"),
    ("VersionId", "secret"),
    ("configure", "aws"),
];

#[test]
fn modules_use_only_those_below_them() {
    let order: Vec<_> = MAY_USE.iter().map(|(module, _)| *module).collect();
    for (place, (module, used)) in MAY_USE.iter().enumerate() {
        for lower in *used {
            let below = order.iter().position(|m| m == lower).expect("it is listed");
            assert!(below < place, "{module} may not be allowed to use {lower}");
        }
    }
    let mut seen = BTreeSet::new();
    for file in sources() {
        let module = file.module[0].as_str();
        if module == "lib" {
            continue;
        }
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("module `{module}` is not in the list of layers"));
        for path in file.paths("crate") {
            let first = path[0].as_str();
            let target = RE_EXPORTS
                .iter()
                .find_map(|(name, home)| (*name == first).then_some(*home))
                .unwrap_or(first);
            assert!(
                target == module || allowed.contains(&target),
                "{}: `{module}` uses `{target}`, which is not below it",
                file.path.display()
            );
            if target != module {
                seen.insert((module.to_owned(), target.to_owned()));
            }
        }
    }
    assert!(seen.len() > 25, "the sources were not read: {seen:?}");
    let unused: Vec<_> = MAY_USE
        .iter()
        .flat_map(|(module, used)| used.iter().map(|lower| (*module, *lower)))
        .filter(|(module, lower)| !seen.contains(&((*module).to_owned(), (*lower).to_owned())))
        .collect();
    assert!(unused.is_empty(), "take these off the list: {unused:?}");
}

#[test]
fn files_of_a_module_use_one_another_without_cycles() {
    let files = sources();
    let names: BTreeSet<Vec<String>> = files.iter().map(|f| f.module.clone()).collect();
    let mut uses: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for file in &files {
        if file.module.last().is_some_and(|name| name == "tests") {
            continue;
        }
        let parent = &file.module[..file.module.len() - 1];
        // In a `mod.rs`, `self::` is what `super::` is in its children.
        let from_here = file
            .paths("self")
            .into_iter()
            .map(|path| (&file.module[..], path));
        let from_parent = file.paths("super").into_iter().map(|path| (parent, path));
        let from_root = file.paths("crate").into_iter().map(|path| (&[][..], path));
        for (base, path) in from_here.chain(from_parent).chain(from_root) {
            let full: Vec<String> = base.iter().cloned().chain(path).collect();
            // The longest prefix that is a file; a folder's `mod.rs` only re-exports and declares.
            let target = (1..=full.len())
                .rev()
                .map(|n| full[..n].to_vec())
                .find(|prefix| names.contains(prefix));
            if let Some(target) = target
                && target != file.module
                && !is_folder(&names, &target)
            {
                uses.entry(file.module.clone()).or_default().insert(target);
            }
        }
    }
    assert!(uses.len() > 40, "the sources were not read");
    if let Some(cycle) = cycle(&uses) {
        let shown: Vec<_> = cycle.iter().map(|file| file.join("/")).collect();
        panic!("files use one another in a circle: {}", shown.join(" → "));
    }
}

fn is_folder(names: &BTreeSet<Vec<String>>, module: &[String]) -> bool {
    names
        .iter()
        .any(|name| name.len() > module.len() && name.starts_with(module))
}

/// A source file: its module's path, and its text without comments and unit tests.
struct Source {
    path: PathBuf,
    module: Vec<String>,
    code: String,
}

impl Source {
    /// The paths in the code that begin with `root::`, groups expanded; without `root`.
    fn paths(&self, root: &str) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let start = format!("{root}::");
        for (at, _) in self.code.match_indices(&start) {
            let before = self.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            expand(&self.code[at + start.len()..], &[], &mut found);
        }
        found
    }
}

/// Reads one use tree, `a::b::{c, d::e}`, and returns what is left of the text after it.
fn expand<'t>(text: &'t str, prefix: &[String], found: &mut Vec<Vec<String>>) -> &'t str {
    let mut path = prefix.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            loop {
                group = expand(group, &path, found).trim_start();
                match group.strip_prefix(',') {
                    Some(more) if !more.trim_start().starts_with('}') => group = more,
                    Some(more) => return &more.trim_start()[1..],
                    None => return group.strip_prefix('}').unwrap_or(group),
                }
            }
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            return rest;
        }
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) => rest = more,
            None => {
                found.push(path);
                return rest;
            }
        }
    }
}

fn cycle(uses: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<Vec<String>>> {
    fn visit(
        file: &Vec<String>,
        uses: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>,
        path: &mut Vec<Vec<String>>,
        done: &mut BTreeSet<Vec<String>>,
    ) -> bool {
        if path.contains(file) {
            path.push(file.clone());
            return true;
        }
        if done.contains(file) {
            return false;
        }
        path.push(file.clone());
        for next in uses.get(file).into_iter().flatten() {
            if visit(next, uses, path, done) {
                return true;
            }
        }
        path.pop();
        done.insert(file.clone());
        false
    }
    let (mut path, mut done) = (Vec::new(), BTreeSet::new());
    uses.keys()
        .any(|file| visit(file, uses, &mut path, &mut done))
        .then_some(path)
}

/// Returns each source file: its path below `src`, and its text.
pub(crate) fn source_files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = WalkDir::new(&root).into_iter();
    let entries = entries.map(|entry| entry.expect("the sources are there"));
    entries
        .filter(|entry| entry.file_type().is_file())
        .map(|file| {
            let text = fs::read_to_string(file.path()).expect("readable");
            let path = file.path().strip_prefix(&root).expect("below src");
            (path.to_owned(), text)
        })
        .collect()
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for (path, text) in source_files() {
        let relative = path.with_extension("");
        let mut module: Vec<String> = relative
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module.len() > 1 && module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        // What tests use proves nothing about layers.
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let code = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        if !module.iter().any(|part| part == "tests") {
            sources.push(Source { path, module, code });
        }
    }
    sources
}

#[test]
fn use_trees_are_read_with_their_groups() {
    let source = Source {
        path: PathBuf::new(),
        module: Vec::new(),
        code: "use crate::a::{B, c::{D, E}, f};\nuse crate::g;\nlet x = crate::h::i(mycrate::j);"
            .to_owned(),
    };
    let paths: Vec<_> = source
        .paths("crate")
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(paths, ["a::B", "a::c::D", "a::c::E", "a::f", "g", "h::i"]);
    let uses = BTreeMap::from([
        (vec!["a".to_owned()], BTreeSet::from([vec!["b".to_owned()]])),
        (vec!["b".to_owned()], BTreeSet::from([vec!["a".to_owned()]])),
    ]);
    assert_eq!(cycle(&uses).expect("a cycle").len(), 3);
}
