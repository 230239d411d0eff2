//! What headcount does when the world misbehaves: the real binary before a real SCIM server, with a proxy between them that loses,
//! cuts, repeats and lies. Whatever happens: no account twice, nothing taken from anybody without proof, and in the end nothing left to do.

mod company;
mod each;
mod kill;
mod large;
mod sql;
mod stage;
