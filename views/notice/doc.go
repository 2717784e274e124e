// Package notice tells a person of the own access that is going away, and takes what that person
// says against it.
package notice
