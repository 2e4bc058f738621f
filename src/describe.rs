//! `thalweg describe`: a page about a connector, out of what it declares.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use thalweg_connect::Plugin;
use thalweg_core::config::{ConfigType, Declared, Definition, Support};

use crate::{cli, plugins};

/// Groups that all connectors have.
const OF_THE_RUNTIME: [&str; 3] = ["Converters", "Topic Creation", "Exactly Once Support"];

/// Prints the page.
pub(crate) fn main(arguments: &cli::Describe) -> ExitCode {
    let plugins = plugins::all();
    let written = match plugins.find(&arguments.connector) {
        Ok(plugin) => std::io::stdout().lock().write_all(page(plugin).as_bytes()).is_ok(),
        Err(unknown) => {
            // Without standard error there is nobody to tell.
            writeln!(std::io::stderr(), "error: {unknown}").ok();
            false
        }
    };
    if written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn page(plugin: &Plugin) -> String {
    let about = plugin.about();
    let declared = thalweg_connect::describe(plugin);
    let mut page = format!(
        "<!-- Output of `thalweg describe {alias}`: change the declarations, not this file. -->\n\n\
         # {class}\n\n{summary}.\n\n\
         A {kind}. `connector.class` is `{class}` or, in short, `{alias}`; its keys and what they \
         do are those of version {version}.\n",
        alias = about.alias,
        class = about.class,
        summary = about.summary.trim_end_matches('.'),
        kind = plugin.kind(),
        version = about.version,
    );
    tables(&mut page, &declared);
    let taken = families(&declared, Support::Full);
    list(&mut page, "Taken by their beginning", "These are passed on or read as a family.", taken);
    list(
        &mut page,
        "Accepted without effect",
        "Keys of the real connector that change no data. They may stay in a config; a value other \
         than the default is answered with a warning in the connector's status.",
        ignored(&declared),
    );
    list(
        &mut page,
        "Refused",
        "Keys of the real connector that would change which rows or values are written, and are \
         not supported yet. A config that sets one to another value than its default is refused, \
         by name: nothing is silently left out.",
        refused(&declared),
    );
    page.push_str(
        "\nAny other key is ignored with a warning, unless it is one or two letters away from a \
         known one: that is taken for a slip and refused.\n",
    );
    page
}

/// One table for each group of keys that are acted on.
fn tables(page: &mut String, declared: &Declared) {
    let acted = || declared.definitions.iter().filter(|key| key.support == Support::Full);
    let mut groups: Vec<&str> = Vec::new();
    for key in acted().filter(|key| key.group != "Common") {
        if !groups.contains(&key.group) {
            groups.push(key.group);
        }
    }
    // What makes a connector what it is comes before what all have.
    groups.sort_by_key(|group| OF_THE_RUNTIME.contains(group));
    groups.insert(0, "Common");
    for group in groups {
        section(page, group);
        page.push_str("| Key | Type | Default | Importance | What it does |\n");
        page.push_str("|---|---|---|---|---|\n");
        for key in acted().filter(|key| key.group == group) {
            let importance = key.importance.as_str().to_lowercase();
            let (kind, default, doc) = (kind_of(key), default_of(key), doc_of(key));
            write_line(
                page,
                &format!("| `{}` | {kind} | {default} | {importance} | {doc} |", key.name),
            );
        }
    }
}

fn kind_of(key: &Definition) -> &'static str {
    match key.kind {
        ConfigType::Boolean => "true or false",
        ConfigType::String => "text",
        ConfigType::Int | ConfigType::Long => "whole number",
        ConfigType::Double => "number",
        ConfigType::List => "list, by commas",
        ConfigType::Class => "class or short name",
        ConfigType::Password => "secret",
    }
}

fn default_of(key: &Definition) -> String {
    match &key.default {
        _ if key.required => "**required**".to_owned(),
        Some(default) if !default.is_empty() => format!("`{}`", cell(default)),
        _ => String::new(),
    }
}

fn doc_of(key: &Definition) -> String {
    let mut doc = cell(&key.documentation).replace('<', "&lt;");
    if !key.recommended.is_empty() && key.name != "connector.class" {
        let values: Vec<String> =
            key.recommended.iter().map(|v| format!("`{}`", cell(v))).collect();
        let values = values.join(", ");
        write!(doc, " Values: {values}.").ok();
    }
    doc
}

/// Text that ends no cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn refused(declared: &Declared) -> Vec<String> {
    let keys = declared.definitions.iter().filter(|key| key.support == Support::Refused);
    let mut lines: Vec<String> = keys
        .map(|key| {
            let only = match &key.default {
                Some(default) => format!("only `{default}` is taken"),
                None => "leave it out".to_owned(),
            };
            format!("`{}` ({only}): {}", key.name, key.documentation)
        })
        .collect();
    lines.extend(families(declared, Support::Refused));
    lines
}

/// Keys that have the same to be said about them share a line.
fn ignored(declared: &Declared) -> Vec<String> {
    let mut lines: Vec<(String, &str)> = Vec::new();
    for key in declared.definitions.iter().filter(|key| key.support == Support::Ignored) {
        match lines.iter_mut().find(|(_, doc)| *doc == key.documentation) {
            Some((names, _)) => write!(names, ", `{}`", key.name).unwrap_or_default(),
            None => lines.push((format!("`{}`", key.name), &key.documentation)),
        }
    }
    let mut lines: Vec<String> =
        lines.into_iter().map(|(names, doc)| format!("{names}: {doc}")).collect();
    lines.extend(families(declared, Support::Ignored));
    lines
}

fn families(declared: &Declared, support: Support) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for family in declared.families.iter().filter(|family| family.support == support) {
        let line = format!("all that begin with `{}`", family.prefix);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn list(page: &mut String, heading: &str, about: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    section(page, heading);
    write_line(page, about);
    page.push('\n');
    for line in lines {
        write_line(page, &format!("- {line}"));
    }
}

fn section(page: &mut String, heading: &str) {
    write_line(page, &format!("\n## {heading}\n"));
}

fn write_line(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}
