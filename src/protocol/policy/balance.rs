//! Which of several servers a call is sent to.

/// How calls are distributed over the servers that can take them.
///
/// Four criteria come first, in this order:
///
/// 1. servers that this call has not tried yet,
/// 2. servers that are not known to be without a model, from a [probe](crate::Client::probe) or a 503; a successful call clears that,
/// 3. servers that are known to have loaded the requested model,
/// 4. servers that did not fail within the last 10 seconds.
///
/// Embeddings and administration do not require a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Balance {
    /// To the server with the fewest calls in flight, round-robin among equals.
    #[default]
    LeastInFlight,
    /// Round-robin.
    RoundRobin,
    /// To the first available server, in the order in which they were added.
    InOrder,
}

/// What the choice is based on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) index: usize,
    pub(crate) tried: bool,
    /// The server has no model, and the call needs one.
    pub(crate) no_model: bool,
    pub(crate) lacks_model: bool,
    pub(crate) failed_lately: bool,
    pub(crate) in_flight: u32,
    /// The number of attempts so far, for round-robin.
    pub(crate) begun: u64,
}

/// The best candidate.
pub(crate) fn best(balance: Balance, candidates: impl Iterator<Item = Candidate>) -> Option<usize> {
    let rank = |c: &Candidate| {
        let (load, turn) = match balance {
            Balance::LeastInFlight => (c.in_flight, c.begun),
            Balance::RoundRobin => (0, c.begun),
            Balance::InOrder => (0, 0),
        };
        (c.tried, c.no_model, c.lacks_model, c.failed_lately, load, turn, c.index)
    };
    candidates.min_by_key(rank).map(|candidate| candidate.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(index: usize) -> Candidate {
        Candidate {
            index,
            tried: false,
            no_model: false,
            lacks_model: false,
            failed_lately: false,
            in_flight: 0,
            begun: 0,
        }
    }

    #[test]
    fn what_counts_before_what() {
        let busy = Candidate { in_flight: 3, begun: 1, ..idle(0) };
        let used = Candidate { begun: 9, ..idle(1) };
        let choose = |balance, all: &[Candidate]| best(balance, all.iter().copied()).unwrap();
        assert_eq!(choose(Balance::LeastInFlight, &[busy, used]), 1);
        assert_eq!(choose(Balance::RoundRobin, &[busy, used]), 0);
        assert_eq!(choose(Balance::InOrder, &[used, busy]), 0);
        let failed = Candidate { failed_lately: true, ..idle(2) };
        assert_eq!(choose(Balance::InOrder, &[failed, Candidate { index: 3, ..busy }]), 3);
        let without = Candidate { lacks_model: true, ..idle(4) };
        assert_eq!(choose(Balance::LeastInFlight, &[without, failed]), 2);
        let empty = Candidate { no_model: true, ..idle(6) };
        assert_eq!(choose(Balance::InOrder, &[empty, without]), 4);
        let tried = Candidate { tried: true, ..idle(5) };
        assert_eq!(choose(Balance::LeastInFlight, &[tried, without]), 4);
        assert_eq!(best(Balance::InOrder, [].into_iter()), None);
    }
}
