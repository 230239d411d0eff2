//! The changes of the text view: one block a person or a group, as `layout` puts them.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::layout::{self, Block, Entry, Move};
use super::style::{QUIET, RISK, STRONG, of_action, paint};
use super::summary::{self, number};
use super::value::{DisplayNames, sides};
use super::words::{Piece, further, moves, of_many, reason, risk, said, sentence};
use super::wrap::{columns, flow, labelled, paragraph};
use super::{ViewOptions, difference, safe, style};
use crate::diagnostic::Place;
use crate::model::{Action, AttributeChange, Change, MemberChange, ObjectKind, ObjectRef};

/// Members or names beyond this are counted, where they are many and take nothing.
pub(super) const SHOWN: usize = 20;
/// So many members are shown all the same: a line more is no longer than the word that there are more.
const MANY: usize = 2 * SHOWN;
/// How to see what was only counted.
pub(super) const HOW: &str = "`headcount plan --full` shows each";

/// What the blocks need to know of the plan around them.
pub(super) struct Blocks<'a> {
    pub names: DisplayNames<'a>,
    pub look: ViewOptions<'a>,
    /// by the findings' positions in the plan, their numbers as they are shown
    pub numbers: &'a [usize],
}

impl Blocks<'_> {
    pub fn write(&self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
        match entry {
            Entry::One(block) => self.block(block, out),
            Entry::Alike(blocks) => self.alike(blocks, out),
        }
    }

    fn block(&self, block: &Block<'_>, out: &mut dyn Write) -> io::Result<()> {
        let moves = self.moves(block);
        for (at, change) in block.steps.iter().enumerate() {
            let same = at > 0 && block.steps.first().is_some_and(|first| first.object == change.object);
            self.heading(change, same, out)?;
            self.attributes(change, if same { "        " } else { "      " }, out)?;
            self.losers(change, out)?;
        }
        let what = if block.is_group() { "members" } else { "groups" };
        let Moves { common, lines } = moves;
        let mut lines = lines.into_iter();
        if block.steps.is_empty() {
            let name = paint(STRONG, safe::line(&block.about.name));
            let key = paint(QUIET, format_args!("({})", safe::line(&block.about.key)));
            let heading = format!("  {what} of {name} {key}: {}{common}", summary::moves(&block.moves));
            paragraph(self.look.width, &heading, "    ", out)?;
        } else if let Some(first) = lines.next() {
            let label = format!("{}{common}{}", paint(QUIET, what), paint(QUIET, ":"));
            labelled(self.look.width, [label].into_iter().chain(first), "  ", "      ", "        ", out)?;
        }
        let indent = if block.steps.is_empty() { "      " } else { "        " };
        lines.try_for_each(|line| flow(self.look.width, line.into_iter(), "  ", indent, out))
    }

    /// The change as a sentence; below one about the same person without the name.
    fn heading(&self, change: &Change, same: bool, out: &mut dyn Write) -> io::Result<()> {
        let style = of_action(change.action);
        let (pieces, indent) = if same { (further(change), "      ") } else { (sentence(change), "  ") };
        let pieces = pieces.into_iter().map(|piece| match piece {
            Piece::Words(words) => paint(style, words),
            Piece::Name(name) => paint(STRONG, safe::line(name)),
        });
        let behind = behind(change, same).map(|behind| paint(QUIET, format_args!(" ({behind})"))).unwrap_or_default();
        let place = place(self.look.lines.and_then(|lines| lines.of(change)));
        let symbol = paint(style, change.action.symbol());
        let line = format!("{indent}{symbol} {}{behind}{place}{}", pieces.collect::<String>(), self.marks(change));
        paragraph(self.look.width, &line, &format!("{indent}  "), out)
    }

    /// Risks, and what withholds the change.
    fn marks(&self, change: &Change) -> String {
        let mut risks: Vec<_> = change.risks.iter().filter(|known| !said(change, **known)).collect();
        risks.dedup();
        let mut marks: Vec<_> = risks.into_iter().map(|known| paint(RISK, format_args!("[{}]", risk(change, *known)))).collect();
        if let Some(withheld) = &change.withheld {
            let number = self.numbers.get(withheld.finding as usize).copied().unwrap_or_default();
            marks.push(paint(style::BAD, format_args!("[withheld: see finding {number}]")));
        }
        marks.iter().map(|mark| format!(" {mark}")).collect()
    }

    fn attributes(&self, change: &Change, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let told: Vec<_> = change.attributes.iter().filter(|changed| !in_sentence(change, changed)).collect();
        if matches!(change.action, Action::Create | Action::AddEntitlement) {
            return self.pairs(None, told.into_iter(), indent, out);
        }
        let widest = told.iter().map(|changed| safe::line(&changed.attribute).width()).max().unwrap_or_default();
        for changed in told {
            let (before, after) = sides(changed, &self.names);
            let name = safe::line(&changed.attribute);
            let padded = format!("{name}{}", " ".repeat(widest.saturating_sub(name.width())));
            let line = format!("{indent}{padded}  {before} {} {after}", paint(STRONG, "→"));
            let fits = columns(&line) <= self.look.width && !spans_lines(changed);
            let place = place(self.look.lines.and_then(|lines| lines.of_attribute(change, &changed.attribute)));
            match difference::lines(changed, &self.names).filter(|_| !fits) {
                None => paragraph(self.look.width, &format!("{line}{place}"), &format!("{indent}  "), out)?,
                Some(lines) => {
                    writeln!(out, "{indent}{name}{place}")?;
                    let further = format!("{indent}    ");
                    lines.iter().try_for_each(|line| paragraph(self.look.width, &format!("{indent}  {line}"), &further, out))?;
                }
            }
        }
        Ok(())
    }

    fn pairs<'c>(
        &self,
        label: Option<&str>,
        all: impl Iterator<Item = &'c AttributeChange>,
        indent: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut label = label.map(|label| format!("{} ", paint(QUIET, label)));
        let pairs = all.map(|changed| {
            let name = paint(QUIET, format_args!("{}:", safe::line(&changed.attribute)));
            format!("{}{name} {}", label.take().unwrap_or_default(), sides(changed, &self.names).1)
        });
        flow(self.look.width, pairs, " · ", indent, out)
    }

    /// Who loses a group with it.
    fn losers(&self, change: &Change, out: &mut dyn Write) -> io::Result<()> {
        if change.losers.is_empty() {
            return Ok(());
        }
        writeln!(out, "      {}", paint(QUIET, format_args!("lost by {}:", summary::people(change.people_who_lose()))))?;
        flow(self.look.width, change.losers.iter().map(|loser| named(change, &loser.member, Some(loser))), "  ", "      ", out)
    }

    /// The memberships of a block. What all of them have behind them is said once, what many have at the end of their line.
    fn moves(&self, block: &Block<'_>) -> Moves {
        let (shown, left) = shown(&block.moves, self.look.full);
        let mut behind: Vec<(String, Vec<String>)> = Vec::new();
        for one in &shown {
            let tail = format!("{}{}", place(block.line(one, &self.look)), self.marks(one.change));
            let piece = named(one.change, one.other(block.about), block.is_group().then_some(one.member));
            match behind.iter_mut().find(|(known, _)| *known == tail) {
                Some((_, pieces)) => pieces.push(piece),
                None => behind.push((tail, vec![piece])),
            }
        }
        let more = (left > 0).then(|| format!("… and {} more; {HOW}", number(left as u64)));
        let more = more.map(|more| vec![paint(QUIET, more)]);
        if let [(tail, pieces)] = behind.as_mut_slice()
            && pieces.len() > 1
        {
            return Moves { common: std::mem::take(tail), lines: std::iter::once(std::mem::take(pieces)).chain(more).collect() };
        }
        // Where each has a line of its own they stand side by side all the same.
        let apart = shown.len() < 2 * behind.len();
        let mut lines = Vec::new();
        for (tail, mut pieces) in behind {
            let each = if apart { pieces.len() } else { 1 };
            pieces.iter_mut().rev().take(each).for_each(|piece| piece.push_str(&tail));
            lines.push(pieces);
        }
        let lines = if apart { vec![lines.concat()] } else { lines };
        Moves { common: String::new(), lines: lines.into_iter().chain(more).collect() }
    }

    /// Many that say the same: what, how many, what they have in common, and the first names.
    fn alike(&self, blocks: &[Block<'_>], out: &mut dyn Write) -> io::Result<()> {
        let Some(steps) = blocks.first().map(|block| &block.steps) else { return Ok(()) };
        let Some(first) = steps.first() else { return Ok(()) };
        let style = of_action(first.action);
        let words = of_many(blocks.len() as u64, steps);
        let why = reason(first).map(|why| paint(QUIET, format_args!(" ({why})"))).unwrap_or_default();
        paragraph(
            self.look.width,
            &format!("  {} {}{why}", paint(style, first.action.symbol()), paint(style, safe::line(&words))),
            "    ",
            out,
        )?;
        for (at, step) in steps.iter().enumerate() {
            let (shared, own) = layout::shared(blocks, at);
            if own.is_empty() && !matches!(step.action, Action::Create | Action::AddEntitlement) {
                self.attributes(step, "      ", out)?;
                continue;
            }
            self.pairs(Some("in common:"), shared.into_iter(), "      ", out)?;
            if !own.is_empty() {
                let own: Vec<_> = own.into_iter().map(safe::line).collect();
                paragraph(self.look.width, &format!("      {} {}", paint(QUIET, "each their own:"), own.join(", ")), "        ", out)?;
            }
        }
        let names = blocks.iter().take(SHOWN).map(|block| {
            let members = match block.moves.len() as u64 {
                0 => String::new(),
                members => paint(QUIET, format_args!(" ({})", super::count(members, "member"))),
            };
            format!("{}{members}", paint(STRONG, safe::line(&block.about.name)))
        });
        let left = blocks.len().saturating_sub(SHOWN) as u64;
        let more = if left > 0 { format!("… and {} more; {HOW}", number(left)) } else { format!("({HOW})") };
        flow(self.look.width, names.chain([paint(QUIET, more)]), "  ", "      ", out)
    }
}

/// Memberships in words.
struct Moves {
    /// what stands behind all of them
    common: String,
    /// pieces that stand side by side
    lines: Vec<Vec<String>>,
}

/// What of many memberships is shown, and how many are only counted.
pub(super) fn shown<'m, 'a>(moves: &'m [Move<'a>], full: bool) -> (Vec<&'m Move<'a>>, usize) {
    let many = !full && moves.len() > MANY;
    let mut room = if many { SHOWN } else { usize::MAX };
    let mut fits = |one: &&Move<'_>| {
        if layout::counted(one) {
            let fits = room > 0;
            room = room.saturating_sub(1);
            return fits;
        }
        true
    };
    let shown: Vec<_> = moves.iter().filter(|one| fits(one)).collect();
    let left = moves.len() - shown.len();
    (shown, left)
}

/// Whether the sentence of a change says what becomes of the attribute.
pub(super) fn in_sentence(change: &Change, changed: &AttributeChange) -> bool {
    match changed.attribute.as_ref() {
        "active" => matches!(change.action, Action::Deactivate | Action::Reactivate),
        "container" => moves(change),
        _ => false,
    }
}

/// The key, the former one, and why.
fn behind(change: &Change, same: bool) -> Option<String> {
    let says_key = change.action == Action::Adopt && change.object.kind != ObjectKind::Group;
    let key = (!same && !says_key).then(|| safe::line(&change.object.key).into_owned());
    let was = change.former_key.as_deref().map(|key| format!("was {}", safe::line(key)));
    let pieces: Vec<String> = key.into_iter().chain(was).chain(reason(change).map(Into::into)).collect();
    (!pieces.is_empty()).then(|| pieces.join(", "))
}

fn place(place: Option<Place>) -> String {
    place.map(|place| paint(QUIET, format_args!(" at {}", safe::line(&summary::at_line(&place))))).unwrap_or_default()
}

/// A member, or a group, that comes or goes; of a group in a group how many people it has.
fn named(change: &Change, object: &ObjectRef, member: Option<&MemberChange>) -> String {
    let name = paint(STRONG, safe::line(&object.name));
    let sign = paint(of_action(change.action), change.action.symbol());
    match member.filter(|member| member.member.kind == ObjectKind::Group) {
        Some(member) => format!("{sign} group {name} ({})", summary::people(u64::from(member.people))),
        None => format!("{sign} {name}"),
    }
}

fn spans_lines(change: &AttributeChange) -> bool {
    let many =
        |value: &Option<crate::model::Value>| value.as_ref().and_then(|value| value.as_text()).is_some_and(|text| text.contains('\n'));
    many(&change.before) || many(&change.after)
}
