// Package ui holds the small parts that pages are made of: badges, fields, pagers, notices,
// times, numbers. It knows nothing about reviews.
package ui
