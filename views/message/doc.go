// Package message is the log of what people were told, or are about to be.
package message
