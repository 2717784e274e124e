// Package store is the only place with SQL. It runs on SQLite and on PostgreSQL.
//
// Reads are methods of Store (and of Tx, which reads what it wrote); writes are methods of Tx
// alone, so a write outside a transaction does not compile. InTx gives the transaction, and
// with it one Now, which every row that it writes carries.
//
// One file a noun. What differs between the dialects stands in dialect.go and bulk.go.
package store
