package entra

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// spool keeps the objects of one kind in a temporary file until their last change was read, so
// that memory holds no more than their ids and places.
type spool struct {
	file  *os.File
	named bool // the file still has a name
	buf   *bufio.Writer
	size  int64
	index map[string]int32
	ids   []string
	at    []place
	live  int64 // objects that were not removed
}

// place is where an object is in the file; length 0 is one that was removed.
type place struct {
	from   int64
	length int32
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "recert-entra-*")
	if err != nil {
		return nil, fmt.Errorf("a temporary file for the directory's objects cannot be made: %w", err)
	}
	// Where the system allows it the file has no name from now on, and ends with the process.
	named := os.Remove(f.Name()) != nil
	return &spool{file: f, named: named, buf: bufio.NewWriterSize(f, 1<<16), index: map[string]int32{}}, nil
}

func (s *spool) close() {
	_ = s.file.Close() // its content is of no use any more
	if s.named {
		_ = os.Remove(s.file.Name())
	}
}

// merge adds an object, or changes those of its fields that came; it tells whether it is other now.
func (s *spool) merge(id string, fields map[string]json.RawMessage) (changed bool, err error) {
	i, known := s.index[id]
	if !known {
		i = int32(len(s.at)) //nolint:gosec // two thousand million objects do not fit in memory
		s.index[id], s.ids, s.at = i, append(s.ids, id), append(s.at, place{})
	}
	var old []byte
	if s.at[i].length > 0 {
		if old, err = s.raw(i); err != nil {
			return false, err
		}
		was := map[string]json.RawMessage{}
		if err := json.Unmarshal(old, &was); err != nil {
			return false, fmt.Errorf("the temporary file is damaged: %w", err)
		}
		for k, v := range fields {
			was[k] = v
		}
		fields = was
	} else {
		s.live++
	}
	b, err := json.Marshal(fields)
	if err != nil || bytes.Equal(b, old) {
		return false, err
	}
	if _, err := s.buf.Write(b); err != nil {
		return false, fmt.Errorf("the temporary file of the directory's objects cannot be written: %w", err)
	}
	s.at[i] = place{s.size, int32(len(b))} //nolint:gosec // shorter than an answer, which is bounded
	s.size += int64(len(b))
	return true, nil
}

// remove takes an object out; it tells whether it was there.
func (s *spool) remove(id string) bool {
	i, known := s.index[id]
	if !known || s.at[i].length == 0 {
		return false
	}
	s.at[i].length = 0
	s.live--
	return true
}

// has tells whether the object is there.
func (s *spool) has(id string) bool {
	i, known := s.index[id]
	return known && s.at[i].length > 0
}

func (s *spool) raw(i int32) ([]byte, error) {
	if err := s.buf.Flush(); err != nil {
		return nil, fmt.Errorf("the temporary file of the directory's objects cannot be written: %w", err)
	}
	b := make([]byte, s.at[i].length)
	if _, err := s.file.ReadAt(b, s.at[i].from); err != nil {
		return nil, fmt.Errorf("the temporary file of the directory's objects cannot be read: %w", err)
	}
	return b, nil
}

// load decodes an object; found is false where it is not there.
func (s *spool) load(id string, into any) (found bool, err error) {
	if !s.has(id) {
		return false, nil
	}
	b, err := s.raw(s.index[id])
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(b, into)
}

// each goes through the ids of the objects that are there, in the order in which they first came.
func (s *spool) each(f func(id string) error) error {
	for i, id := range s.ids {
		if s.at[i].length == 0 {
			continue
		}
		if err := f(id); err != nil {
			return err
		}
	}
	return nil
}
