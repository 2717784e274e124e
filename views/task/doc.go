// Package task is the page of one thing that a person has to do in a system.
package task
