//! What goes wrong in the company, by chance: exports that are damaged on their way, a state that is lost, and others who change what the application holds.

use fastrand::Rng;

use super::app::App;
use super::model::{Account, Member, Model, card_up_to, is_group};
use super::people::{Company, Who};
use super::workspace::Damage;

/// What goes wrong on one day.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    pub hr: Damage,
    pub directory: Damage,
    pub state_is_lost: bool,
    /// the manifest leads to another application
    pub swapped: bool,
    pub others: Vec<Edit>,
}

/// What somebody else does in the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Deactivate,
    Activate,
    Delete,
    Rename,
    Unmark,
    Put,
    Take,
    Stranger,
    TakeCard,
    RaiseCard,
}

const EDITS: [Edit; 10] = [
    Edit::Deactivate,
    Edit::Activate,
    Edit::Delete,
    Edit::Rename,
    Edit::Unmark,
    Edit::Put,
    Edit::Take,
    Edit::Stranger,
    Edit::TakeCard,
    Edit::RaiseCard,
];
/// A limit that no rule gives.
const RAISED: &str = "9999";
/// So many days go well at first.
const QUIET: i32 = 4;

/// The trouble of a day.
pub fn of_day(rng: &mut Rng, company: &Company, model: &Model) -> Trouble {
    let mut trouble = Trouble::default();
    if company.day < QUIET {
        return trouble;
    }
    let damage = |rng: &mut Rng| match rng.u8(..6) {
        0 => Damage::Gone,
        1 => Damage::CutOff(rng.usize(0..1000)),
        2 => Damage::LostColumn,
        3 => Damage::EmptyColumn,
        4 => Damage::Shrunk(3),
        _ => Damage::LostPage(80),
    };
    if rng.u8(..10) == 0 {
        trouble.hr = if rng.u8(..5) == 0 { Damage::Doubled(rng.usize(..1000)) } else { damage(rng) };
    } else if rng.u8(..10) == 0 {
        trouble.hr = said_wrongly(rng, company, model);
    }
    if rng.u8(..12) == 0 {
        trouble.directory = damage(rng);
    }
    let whole = !matches!(trouble.hr, Damage::LostPage(_)) && !is_wrong(trouble.hr);
    trouble.state_is_lost = rng.u8(..80) == 0 && whole;
    if rng.u8(..40) == 0 && !trouble.state_is_lost {
        // Nothing else goes wrong that day: nothing is done at all.
        return Trouble { swapped: true, ..Trouble::default() };
    }
    if rng.u8(..5) == 0 {
        trouble.others = (0..rng.usize(1..5)).map(|_| EDITS[rng.usize(..EDITS.len())]).collect();
    }
    // Where the state and the mark go on one day, nothing proves whose an account is.
    trouble.others.retain(|edit| *edit != Edit::Unmark || (!trouble.state_is_lost && trouble.hr == Damage::None));
    trouble
}

/// An export that is whole and says what is not so.
fn said_wrongly(rng: &mut Rng, company: &Company, model: &Model) -> Damage {
    // What was said before is what tells that a column lost its values.
    let damage = match rng.u8(..5) {
        0 => Damage::Reformed,
        1 => Damage::Shifted,
        2 => Damage::Dates(rng.usize(1..=10)),
        3 => Damage::StatusLost(rng.usize(6..=9)),
        _ => used_again(rng, company, model).unwrap_or(Damage::Reformed),
    };
    if model.baseline { damage } else { Damage::None }
}

fn is_wrong(damage: Damage) -> bool {
    use Damage::{Dates, Reformed, Shifted, StatusLost, UsedAgain};
    matches!(damage, Reformed | Shifted | Dates(_) | StatusLost(_) | UsedAgain { .. })
}

/// Somebody who has no account yet, and somebody with another name who has one and no record any more.
fn used_again(rng: &mut Rng, company: &Company, model: &Model) -> Option<Damage> {
    let listed = |at: &usize| company.people[*at].is_listed(company.day);
    let has = |at: &usize| model.accounts.contains_key(&Who::Person(*at));
    let people = 0..company.people.len();
    let new: Vec<usize> = people.clone().filter(|at| listed(at) && !has(at) && !company.excluded.contains(at)).collect();
    let newcomer = *new.get(rng.usize(..new.len().max(1)))?;
    let person = &company.people[newcomer];
    let unlike = |at: &usize| company.people[*at].given != person.given && company.people[*at].family != person.family;
    let gone: Vec<usize> = people.filter(|at| !listed(at) && has(at) && unlike(at)).collect();
    let of = *gone.get(rng.usize(..gone.len().max(1)))?;
    Some(Damage::UsedAgain { newcomer, of })
}

/// Does it, in the application and in what is expected of it. Gives the edits that found somebody.
pub fn others_do(rng: &mut Rng, edits: &[Edit], company: &Company, app: &App, model: &mut Model) -> Vec<(Edit, Option<Who>)> {
    edits.iter().filter_map(|edit| other_does(rng, *edit, company, app, model)).collect()
}

fn other_does(rng: &mut Rng, edit: Edit, company: &Company, app: &App, model: &mut Model) -> Option<(Edit, Option<Who>)> {
    if edit == Edit::Stranger {
        return stranger_comes(rng, company, app, model).map(|()| (edit, None));
    }
    let fits = |account: &Account| match edit {
        Edit::Activate => !account.active,
        Edit::Delete => true,
        _ => account.active,
    };
    let everybody: Vec<Who> = model.accounts.iter().filter(|(_, account)| fits(account)).map(|(who, _)| *who).collect();
    let who = *everybody.get(rng.usize(..everybody.len().max(1)))?;
    let id = model.accounts[&who].id.clone()?;
    let teams: Vec<String> = model.teams.keys().filter(|team| is_group(team)).cloned().collect();
    let team = &teams[rng.usize(..teams.len())];
    match edit {
        Edit::Deactivate => {
            app.others_activate(&id, false);
            model.accounts.get_mut(&who)?.active = false;
        }
        Edit::Activate => {
            app.others_activate(&id, true);
            let account = model.accounts.get_mut(&who)?;
            account.active = true;
            return Some((edit, account.closed.map(|_| who)));
        }
        Edit::Delete => {
            app.others_delete(&id);
            model.remove(who);
        }
        Edit::Rename => {
            let login = format!("renamed.{}.{id}", company.day);
            app.others_rename(&id, &login);
            model.accounts.get_mut(&who)?.login = login;
        }
        // Only a number that no namesake has finds somebody again; a contractor has none.
        Edit::Unmark if matches!(who, Who::Contractor(_)) => return None,
        Edit::Unmark => app.others_unmark(&id),
        Edit::Put => {
            app.others_put(team, &id);
            model.teams.get_mut(team)?.insert(Member::Ours(who));
        }
        Edit::Take => {
            app.others_take(team, &id);
            model.teams.get_mut(team)?.remove(&Member::Ours(who));
        }
        Edit::TakeCard | Edit::RaiseCard => {
            let card = model.teams.iter_mut().find(|(team, held)| !is_group(team) && held.contains(&Member::Ours(who)));
            let (_, held) = card?;
            held.remove(&Member::Ours(who));
            if edit == Edit::TakeCard {
                app.others_take_card(&id);
            } else {
                app.others_raise_card(&id, RAISED);
                model.teams.entry(card_up_to(RAISED)).or_default().insert(Member::Ours(who));
            }
        }
        Edit::Stranger => {}
    }
    Some((edit, Some(who)))
}

/// An account of nobody, with the user name that somebody of the company may want tomorrow.
fn stranger_comes(rng: &mut Rng, company: &Company, app: &App, model: &mut Model) -> Option<()> {
    let login = company.people[rng.usize(..company.people.len())].base_name();
    let login = (2..9).map(|number| format!("{login}{number}")).find(|login| {
        let held = model.accounts.values().any(|account| account.login == *login);
        !held && model.strangers.values().all(|(taken, _)| taken != login)
    })?;
    let id = app.others_make(&login, None);
    let teams: Vec<String> = model.teams.keys().filter(|team| is_group(team)).cloned().collect();
    let team = &teams[rng.usize(..teams.len())];
    app.others_put(team, &id);
    model.teams.get_mut(team)?.insert(Member::Stranger(id.clone()));
    model.strangers.insert(id, (login, true));
    Some(())
}
