package ticketserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// snowStates are the states of an incident, by label: value, and whether the record is active.
var snowStates = map[string]struct {
	value  string
	active bool
}{
	"New": {"1", true}, "In Progress": {"2", true}, "On Hold": {"3", true}, "Resolved": {"6", true}, "Closed": {"7", false}, "Canceled": {"8", false},
}

func snowError(message, detail string) map[string]any {
	return map[string]any{"error": map[string]string{"message": message, "detail": detail}, "status": "failure"}
}

func (s *Server) snow(r *http.Request, body []byte) (int, any) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/now/table/")
	table, id, one := strings.Cut(rest, "/")
	if !ok || table != "incident" && table != "sc_task" {
		return http.StatusBadRequest, snowError("Invalid table "+table, "")
	}
	q := r.URL.Query()
	cell := func(value, shown string) any {
		switch q.Get("sysparm_display_value") {
		case "all":
			return map[string]string{"display_value": shown, "value": value}
		case "true":
			return shown
		}
		return value
	}
	show := func(t *Ticket) map[string]any {
		st := snowStates[t.Status]
		return map[string]any{
			"sys_id": cell(t.ID, t.ID), "number": cell(t.Key, t.Key), "state": cell(st.value, t.Status), "active": cell(strconv.FormatBool(st.active), strconv.FormatBool(st.active)),
			"correlation_id": cell(t.Mark, t.Mark),
		}
	}
	switch {
	case one:
		t := s.byID(id)
		if t == nil {
			return http.StatusNotFound, snowError("No Record found", "Record doesn't exist or ACL restricts the record retrieval")
		}
		if r.Method == http.MethodPatch {
			var in map[string]string
			if json.Unmarshal(body, &in) != nil {
				return http.StatusBadRequest, snowError("Exception while reading request", "The payload is not valid JSON.")
			}
			t.Comments = append(t.Comments, in["work_notes"])
		}
		if strings.Contains(q.Get("sysparm_fields"), "work_notes") {
			return http.StatusOK, map[string]any{"result": s.snowNotes(t)}
		}
		return http.StatusOK, map[string]any{"result": show(t)}
	case r.Method == http.MethodGet:
		mark, _, _ := strings.Cut(strings.TrimPrefix(q.Get("sysparm_query"), "correlation_id="), "^")
		out := []map[string]any{}
		for _, t := range s.visible(mark) {
			row := show(t)
			if s.noMark {
				row["correlation_id"] = cell("", "")
			}
			out = append(out, row)
		}
		return http.StatusOK, map[string]any{"result": out}
	case r.Method == http.MethodPost:
		var in map[string]string
		if json.Unmarshal(body, &in) != nil {
			return http.StatusBadRequest, snowError("Exception while reading request", "The payload is not valid JSON.")
		}
		if in["assignment_group"] != "" && q.Get("sysparm_input_display_value") != "true" {
			in["assignment_group"] = "" // a name is no sys_id: silently nobody's
		}
		n := s.number()
		t := &Ticket{
			ID: fmt.Sprintf("%032x", len(s.tickets)+0xabc), Key: "INC001000" + n, Title: in["short_description"], Text: in["description"], Mark: in["correlation_id"],
			Group: in["assignment_group"], Status: "New",
		}
		s.add(t)
		return http.StatusCreated, map[string]any{"result": show(t)}
	}
	return http.StatusMethodNotAllowed, snowError("Method not supported", "")
}

// snowNotes are the work notes of a record in one piece, the latest first. Who may not read a field does not get it.
func (s *Server) snowNotes(t *Ticket) map[string]any {
	if slices.Contains(s.denied, "work_notes") {
		return map[string]any{"sys_id": t.ID}
	}
	var b strings.Builder
	for _, text := range slices.Backward(t.Comments) {
		b.WriteString("2026-01-05 09:00:00 - Recert Bot (Work notes)\n" + text + "\n\n")
	}
	return map[string]any{"sys_id": t.ID, "work_notes": b.String()}
}
