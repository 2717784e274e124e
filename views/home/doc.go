// Package home is the first page of everybody: the reviews that wait for the reader.
package home
