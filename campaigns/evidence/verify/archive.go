package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// The files of a package.
const (
	fileReadme         = "README.html"
	fileManifest       = "manifest.json"
	fileControl        = "control.json"
	fileScope          = "scope.json"
	fileSignoff        = "signoff.json"
	fileExtraction     = "population/extraction.json"
	filePopulation     = "population/population.csv"
	fileReconciliation = "population/reconciliation.csv"
	fileExcluded       = "population/excluded.csv"
	fileRejected       = "population/rejected.csv"
	fileReviewers      = "reviewers.csv"
	fileDecisions      = "decisions.csv"
	fileDecisionLines  = "decisions.jsonl"
	fileRemediation    = "remediation.csv"
	fileExceptions     = "exceptions.csv"
	fileBeforeAfter    = "before_after.csv"
	fileToolAccess     = "tool/access.csv"
	fileToolAudit      = "tool/admin-audit.jsonl"
	fileCheckpoint     = "log/checkpoint"
	fileConsistency    = "log/consistency.txt"
	fileLeaves         = "log/leaves.jsonl"
	fileTree           = "log/proofs/tree.txt"

	// archiveName stands for every byte that belongs to no file.
	archiveName = "archive"
)

// fileOrder is the order of the files in the archive.
var fileOrder = []string{
	fileReadme, fileManifest, fileControl, fileScope, fileSignoff,
	fileExtraction, filePopulation, fileReconciliation, fileExcluded, fileRejected,
	fileReviewers, fileDecisions, fileDecisionLines, fileRemediation, fileExceptions, fileBeforeAfter,
	fileToolAccess, fileToolAudit, fileCheckpoint, fileConsistency, fileLeaves, fileTree,
}

// entry is what the archive's own structure says of one file.
type entry struct {
	name   string
	crc    uint32
	stored int64 // bytes as stored
	size   int64 // bytes of content
	data   int64 // offset of the stored bytes
	header int64 // offset of the local header
}

func (e *entry) method() uint16 {
	if e.name == fileManifest {
		return 0
	}
	return 8
}

const (
	sigLocal, sigCentral, sigEnd, sigEnd64, sigLocator = 0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50
	max32                                              = math.MaxUint32
	dosDate                                            = 0x21 // 1980-01-01
	endSize, end64Size, locatorSize                    = 22, 56, 20
	versionPlain, version64                            = 20, 45
)

type leWriter struct{ b []byte }

func (w *leWriter) u16(v ...uint16) {
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint16(w.b, x)
	}
}

func (w *leWriter) u32(v ...uint32) {
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, x)
	}
}

func (w *leWriter) u64(v ...int64) {
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint64(w.b, uint64(x))
	}
}

// localHeader is the one local header that e may have.
func localHeader(e *entry) []byte {
	big := e.stored >= max32 || e.size >= max32
	version, stored, size, extra := uint16(versionPlain), uint32(e.stored), uint32(e.size), uint16(0)
	if big {
		version, stored, size, extra = version64, max32, max32, 20
	}
	var w leWriter
	w.u32(sigLocal)
	w.u16(version, 0, e.method(), 0, dosDate)
	w.u32(e.crc, stored, size)
	w.u16(uint16(len(e.name)), extra)
	w.b = append(w.b, e.name...)
	if big {
		w.u16(1, 16)
		w.u64(e.size, e.stored)
	}
	return w.b
}

// directory is the central directory with the end records, as they must follow the last file.
func directory(entries []entry, at int64) []byte {
	var w leWriter
	for i := range entries {
		e := &entries[i]
		big := e.stored >= max32 || e.size >= max32 || e.header >= max32
		version, stored, size, header, extra := uint16(versionPlain), uint32(e.stored), uint32(e.size), uint32(e.header), uint16(0)
		if big {
			version, stored, size, header, extra = version64, max32, max32, max32, 28
		}
		w.u32(sigCentral)
		w.u16(version, version, 0, e.method(), 0, dosDate)
		w.u32(e.crc, stored, size)
		w.u16(uint16(len(e.name)), extra, 0, 0, 0)
		w.u32(0, header)
		w.b = append(w.b, e.name...)
		if big {
			w.u16(1, 24)
			w.u64(e.size, e.stored, e.header)
		}
	}
	n, length := uint16(len(entries)), int64(len(w.b))
	offset := uint32(min(at, max32))
	if at >= max32 {
		w.u32(sigEnd64)
		w.u64(end64Size - 12)
		w.u16(version64, version64)
		w.u32(0, 0)
		w.u64(int64(n), int64(n), length, at)
		w.u32(sigLocator, 0)
		w.u64(at + length)
		w.u32(1)
	}
	w.u32(sigEnd)
	w.u16(0, 0, n, n)
	w.u32(uint32(length), offset)
	w.u16(0)
	return w.b
}

// readArchive reads the structure of the archive and refuses any byte of it that is not what
// the canonical form says. The stored bytes themselves are not looked at.
func readArchive(r io.ReaderAt, size int64) ([]entry, error) {
	at, dir, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	entries, err := parseDirectory(dir)
	if err != nil {
		return nil, err
	}
	var offset int64
	for i := range entries {
		e := &entries[i]
		e.header = offset
		want := localHeader(e)
		e.data = offset + int64(len(want))
		if e.stored > at-e.data {
			return nil, fmt.Errorf("%s is longer than the room it has", e.name)
		}
		offset = e.data + e.stored
		got := make([]byte, len(want))
		if _, err := r.ReadAt(got, e.header); err != nil {
			return nil, err
		}
		if !bytes.Equal(got, want) {
			return nil, fmt.Errorf("the header of %s is not in canonical form", e.name)
		}
	}
	if offset != at {
		return nil, fmt.Errorf("there are %d bytes that belong to no file", at-offset)
	}
	if !bytes.Equal(directory(entries, at), dir) {
		return nil, fmt.Errorf("the directory is not in canonical form")
	}
	return entries, nil
}

// maxDirectory is far more than the directory of a package has.
const maxDirectory = 1 << 16

// readDirectory finds where the central directory begins and reads from there to the end.
func readDirectory(r io.ReaderAt, size int64) (int64, []byte, error) {
	tail := make([]byte, min(size, maxDirectory))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return 0, nil, err
	}
	if len(tail) < endSize || binary.LittleEndian.Uint32(tail[len(tail)-endSize:]) != sigEnd {
		return 0, nil, fmt.Errorf("it does not end as a zip archive without a comment does: cut short or added to")
	}
	at := int64(binary.LittleEndian.Uint32(tail[len(tail)-endSize+16:]))
	if i := len(tail) - endSize - locatorSize - end64Size; at == max32 && i >= 0 {
		at = int64(binary.LittleEndian.Uint64(tail[i+48:]))
	}
	if at < 0 || at > size || size-at > int64(len(tail)) {
		return 0, nil, fmt.Errorf("its directory is not where the end record says")
	}
	return at, tail[int64(len(tail))-(size-at):], nil
}

// parseDirectory reads sizes and checksums; readArchive then compares every byte.
func parseDirectory(b []byte) ([]entry, error) {
	entries := make([]entry, len(fileOrder))
	for i, name := range fileOrder {
		if len(b) < 46+len(name) || string(b[46:46+len(name)]) != name {
			return nil, fmt.Errorf("file %d is not %s", i+1, name)
		}
		e := entry{
			name: name, crc: binary.LittleEndian.Uint32(b[16:]),
			stored: int64(binary.LittleEndian.Uint32(b[20:])), size: int64(binary.LittleEndian.Uint32(b[24:])),
		}
		extra := int(binary.LittleEndian.Uint16(b[30:]))
		b = b[46+len(name):]
		if extra > len(b) {
			return nil, fmt.Errorf("the directory ends early")
		}
		if extra == 28 {
			e.size = int64(binary.LittleEndian.Uint64(b[4:]))
			e.stored = int64(binary.LittleEndian.Uint64(b[12:]))
		}
		if e.size < 0 || e.stored < 0 {
			return nil, fmt.Errorf("%s has no possible size", name)
		}
		b = b[extra:]
		entries[i] = e
	}
	return entries, nil
}
