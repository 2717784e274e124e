// Package deputy is who answers for reviewers who are away.
package deputy
