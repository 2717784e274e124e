package model

// TaskReport is what somebody says was done about a task, with a file that shows it. It proves
// nothing by itself.
type TaskReport struct {
	ID            int64  `bun:"id"`
	RemediationID int64  `bun:"remediation_id"`
	Actor         string `bun:"actor"`
	Note          string `bun:"note"`
	Name          string `bun:"name"` // of the file; "" without one
	Size          int64  `bun:"size"` // bytes
	SHA256        string `bun:"sha256"`
	Blob          string `bun:"blob"`
	EventID       int64  `bun:"event_id"`
	At            Time   `bun:"at"`
}
