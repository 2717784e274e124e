// Package campaigns runs access reviews: it says what a campaign would ask (Preview), freezes it
// (Launch), takes answers (Decide), ends a reviewer's part (SignOff) and the whole (Close), and
// holds every sealed snapshot against what is open (AfterSeal).
//
// It only queues removals; workers do them. Every change is one transaction that carries its
// event of evidence. It asks for the time nowhere: the transaction's Now is the time.
package campaigns
