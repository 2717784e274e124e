// Package webtest looks at pages as a reader does, and signs clients in for tests.
package webtest
