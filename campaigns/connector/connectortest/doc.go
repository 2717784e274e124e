// Package connectortest is the conformance suite of connectors: any connector.Target, with or
// without a connector.Source, passes Run against a target system whose truth the test controls.
//
// The target in a Harness is a real one, or one in the process that keeps honest state and
// speaks the real protocol. It can fail in two ways: the request failed, or it failed after it
// took effect. What counts is always the target's own state (World.Holds), never what the
// connector says of it.
package connectortest
