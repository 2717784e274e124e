// Package remediate is the outbox worker: it takes away what reviews decided to take away, and
// closes a removal only when the target, read again, no longer shows the access.
//
// One attempt is: claim with a lease and a fence, write the intent down, look, write down that
// the target is about to be asked, ask, look again, write down what was seen. A worker may die
// between any two of them; the comments in attempt.go say for each what is then known and what
// the next worker does.
//
// What holds whatever fails:
//
//   - Nothing is confirmed that a read after the last call did not show absent by every path.
//     A target's word that it did it is never proof.
//   - Nothing newer than what was reviewed is removed, as far as the target can tell grants
//     apart by a time or a version. Where an earlier call may have taken effect and the access
//     is there, it is only asked again if the target shows that nothing changed since.
//   - Every call has an intent that was committed before it.
//   - A worker that comes back after its lease is fenced off: it may neither ask the target nor
//     write a state.
//
// A removal that a person has to do becomes a task here; only a snapshot closes it.
//
// A removal of mode ticket or webhook is asked of an outside system (outside.go, ask.go), which is
// followed (follow.go) and may report back (report.go). What it says only makes the worker look at
// the source. An order has a key that is stored before the call, and is found again by it, so that
// no crash and no lost answer makes two.
package remediate
