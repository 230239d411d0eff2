//! Whether personas' records are such as their sources could give, and whether anybody reads them.
//!
//! Must never: repeat what the manifests' own checks tell.

use super::samplers;
use crate::connector::sample::Sampler;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expr::segments_of_path;
use crate::manifest::kinds::{PersonaSpec, SampleRecord};
use crate::manifest::{Document, Loaded, Outlines};
use crate::policy::Policy;
use crate::world::SourceSide;

/// Every record that its source could not give (an error) and every field that no rule reads (a warning), sorted by place.
pub fn check(loaded: &Loaded, policy: &Policy) -> Vec<Diagnostic> {
    if loaded.personas.is_empty() {
        return Vec::new();
    }
    let read = (0..policy.sources.len()).map(|at| fields(policy, at)).collect();
    let mut check = Check { loaded, outlines: Outlines::new(loaded), samplers: samplers(loaded, policy), read, problems: Vec::new() };
    for persona in &loaded.personas {
        check.persona(persona);
    }
    check.problems.sort_by(|one, next| one.place.cmp(&next.place));
    check.problems
}

struct Check<'a> {
    loaded: &'a Loaded,
    outlines: Outlines<'a>,
    samplers: Vec<Sampler>,
    /// by source: fields that some rule reads, each also as a file's header has it
    read: Vec<Vec<String>>,
    problems: Vec<Diagnostic>,
}

fn fields(policy: &Policy, source: usize) -> Vec<String> {
    let columns = SourceSide::columns_of(policy, source);
    let names = columns.paths().iter().flat_map(|path| {
        let segments = segments_of_path(path);
        let first = segments.first().map(|first| first.to_string());
        first.into_iter().chain((segments.len() > 1).then(|| segments.join(".")))
    });
    names.collect()
}

impl Check<'_> {
    fn persona(&mut self, persona: &Document<PersonaSpec>) {
        let own = ("/spec/records".to_owned(), &persona.spec.records);
        let others = persona.spec.others.iter().enumerate().map(|(at, other)| (format!("/spec/others/{at}/records"), &other.records));
        for (pointer, records) in std::iter::once(own).chain(others) {
            for (source, record) in records {
                let Some(at) = self.loaded.sources.iter().position(|known| known.name.as_ref() == source) else { continue };
                self.record(persona, &format!("{pointer}/{source}"), at, record);
            }
        }
    }

    fn record(&mut self, persona: &Document<PersonaSpec>, pointer: &str, source: usize, record: &SampleRecord) {
        if let Some(Err((_, problem))) = self.samplers.get_mut(source).map(|sampler| sampler.page(&[record])) {
            let pointer = problem.field.map_or_else(|| pointer.to_owned(), |field| below(pointer, &field));
            let diagnostic = Diagnostic::error(problem.message).hint(problem.hint);
            self.problems.push(self.outlines.of(&persona.origin).mark(&pointer, diagnostic));
        }
        if self.loaded.sources[source].spec.connection.described().open_records() {
            return;
        }
        let unread: Vec<&String> = record.keys().filter(|field| !self.read[source].contains(field)).collect();
        for field in unread {
            self.unread(persona, &below(pointer, field), source, field, record);
        }
    }

    fn unread(&mut self, persona: &Document<PersonaSpec>, pointer: &str, source: usize, field: &str, record: &SampleRecord) {
        let name = &self.loaded.sources[source].name;
        let free = self.read[source].iter().map(String::as_str).filter(|read| !record.contains_key(*read));
        let hint = did_you_mean(field, free).unwrap_or_else(|| "leave it out, or correct its name".to_owned());
        let mut problem = Diagnostic::warning(format!("no rule of the Source `{name}` reads the field `{field}`")).hint(hint);
        if let Some(span) = self.outlines.of(&persona.origin).key_span(pointer) {
            problem = problem.at(span.place, span.length);
        }
        self.problems.push(problem);
    }
}

fn below(pointer: &str, field: &str) -> String {
    format!("{pointer}/{}", field.replace('~', "~0").replace('/', "~1"))
}
