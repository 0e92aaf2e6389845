//! What the engine tells, in one line of a trace.

use ecoute::node::Output;

/// The line.
pub fn told(output: &Output) -> String {
    match output {
        Output::Event(event) => format!("{event:?}"),
        Output::Decision(decision) => format!(
            "Decision({}, {:?}, department {:?}, reach {:?}, waited {} ms)",
            decision.call, decision.kind, decision.department, decision.reach, decision.waited_ms
        ),
        Output::Record(finished) => {
            let record = &finished.record;
            format!(
                "Record({}, {:?}, steps {:?}, attempts {:?}, bridged {:?}, talked {} ms, ended {} ms)",
                record.call,
                record.termination,
                record.steps,
                record.attempts.iter().map(|attempt| (&attempt.listener, attempt.outcome)).collect::<Vec<_>>(),
                record.bridged_ms,
                record.talked_ms,
                record.ended_ms
            )
        }
        other => format!("{other:?}"),
    }
}
