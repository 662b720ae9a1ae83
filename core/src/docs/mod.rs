//! Chapters on what the crate promises and why it is built as it is.

#[doc = include_str!("semantics.md")]
pub mod semantics {}

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("recipes.md")]
pub mod recipes {}

/// Decisions, a page each.
pub mod decisions {
    #[doc = include_str!("decisions/0001-one-queue-per-key.md")]
    pub mod d0001_one_queue_per_key {}
    #[doc = include_str!("decisions/0002-ask-twice.md")]
    pub mod d0002_ask_twice {}
    #[doc = include_str!("decisions/0003-ports.md")]
    pub mod d0003_ports {}
    #[doc = include_str!("decisions/0004-one-clock-for-numbers-and-tokens.md")]
    pub mod d0004_one_clock_for_numbers_and_tokens {}
    #[doc = include_str!("decisions/0005-time-is-the-callers.md")]
    pub mod d0005_time_is_the_callers {}
    #[doc = include_str!("decisions/0006-keys.md")]
    pub mod d0006_keys {}
    #[doc = include_str!("decisions/0007-a-lone-holder-in-its-shard.md")]
    pub mod d0007_a_lone_holder_in_its_shard {}
    #[doc = include_str!("decisions/0008-owners-and-deadlocks.md")]
    pub mod d0008_owners_and_deadlocks {}
    #[doc = include_str!("decisions/0009-hand-over.md")]
    pub mod d0009_hand_over {}
    #[doc = include_str!("decisions/0010-what-a-lost-guard-has-stays.md")]
    pub mod d0010_what_a_lost_guard_has_stays {}
    #[doc = include_str!("decisions/0011-cells.md")]
    pub mod d0011_cells {}
    #[doc = include_str!("decisions/0012-turns-and-transactions.md")]
    pub mod d0012_turns_and_transactions {}
    #[doc = include_str!("decisions/0013-values-in-bytes.md")]
    pub mod d0013_values_in_bytes {}
    #[doc = include_str!("decisions/0014-what-a-wait-costs.md")]
    pub mod d0014_what_a_wait_costs {}
    #[doc = include_str!("decisions/0015-what-a-page-loads.md")]
    pub mod d0015_what_a_page_loads {}
}
