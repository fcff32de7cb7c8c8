//! Reads the page: its sections, their policies and their tables.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../src/docs/permissions.rs");

/// What stands below one heading.
pub(super) struct Section {
    pub(super) name: String,
    /// Language and text of each block of code.
    blocks: Vec<(String, String)>,
    /// The cells of each row of the tables, headings left out.
    pub(super) rows: Vec<Vec<String>>,
}

/// Returns the section with this heading.
pub(super) fn section(name: &str) -> Section {
    let found = sections().into_iter().find(|section| section.name == name);
    found.unwrap_or_else(|| panic!("the page has no section {name:?}"))
}

pub(super) fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    let mut block: Option<(String, String)> = None;
    let mut before_rows = false;
    for line in PAGE.lines() {
        let line = line.strip_prefix("//!").expect("a line of docs");
        let line = line.strip_prefix(' ').unwrap_or(line);
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => block = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => {
                let section: &mut Section = sections.last_mut().expect("below a heading");
                section.blocks.extend(block.take());
            }
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
        if block.is_some() {
            continue;
        }
        if let Some(name) = line.strip_prefix("# ") {
            sections.push(Section {
                name: name.to_owned(),
                blocks: Vec::new(),
                rows: Vec::new(),
            });
        }
        match line.strip_prefix('|') {
            None => before_rows = true,
            Some(rule) if rule.starts_with("--") => before_rows = false,
            Some(_) if before_rows => {}
            Some(row) => {
                let cells = row.trim_end_matches('|').split(" | ");
                let row = cells.map(|cell| cell.trim().to_owned()).collect();
                sections.last_mut().expect("below a heading").rows.push(row);
            }
        }
    }
    sections
}

impl Section {
    /// Returns the blocks of this language.
    pub(super) fn blocks(&self, language: &str) -> Vec<&str> {
        let blocks = self.blocks.iter().filter(|(is, _)| is == language);
        blocks.map(|(_, text)| text.as_str()).collect()
    }
}

/// Returns the names in a cell that stand in backticks and that `is_one` accepts.
pub(super) fn names(cell: &str, is_one: fn(&str) -> bool) -> BTreeSet<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted
        .filter(|name| is_one(name))
        .map(str::to_owned)
        .collect()
}

/// Whether it is the name of an operation, such as `GetSecretValue`.
pub(super) fn is_operation(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && chars.clone().all(|c| c.is_ascii_alphanumeric())
        && chars.any(|c| c.is_ascii_lowercase())
}

/// Whether it is the name of a permission, such as `secretsmanager:GetSecretValue`.
pub(super) fn is_action(name: &str) -> bool {
    name.split_once(':').is_some_and(|(service, action)| {
        !service.contains('/') && action.chars().all(|c| c.is_ascii_alphabetic())
    })
}
