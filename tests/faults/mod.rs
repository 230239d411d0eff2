//! What headcount does when the world misbehaves: the real binary before a real SCIM server, with a proxy between them that loses,
//! cuts, repeats and lies. Whatever happens: no account twice, nothing taken from anybody without proof, and in the end nothing left to do.

mod chaos;
mod company;
mod each;
mod followed;
mod freeze;
mod kill;
mod large;
mod ldap;
mod roles;
mod sql;
mod sql_servers;
mod stage;
mod strays;
mod tables;
mod vendors;

/// How many kills are asked for, and with which seed: `HEADCOUNT_KILLS=number` or `number,seed`.
fn asked(kills: u64, seed: u64) -> (u64, u64) {
    let asked = std::env::var("HEADCOUNT_KILLS").unwrap_or_default();
    let mut numbers = asked.split(',').map(|number| number.trim().parse().ok());
    (numbers.next().flatten().unwrap_or(kills), numbers.next().flatten().map_or(seed, |other: u64| seed + 1000 * other))
}
