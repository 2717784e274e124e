package scope

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"recert/model"
)

// pick is a compiled expression that gives the person_id of a reviewer.
type pick struct{ program cel.Program }

// isExpression tells an expression from a person_id: it computes something, or is the name of a field.
func isExpression(rule string) bool {
	_, field := fields[rule]
	return field || strings.ContainsAny(rule, "()'\"=!<>?&|[]") || strings.Contains(rule, ".attrs.")
}

// picks tells whether a field may stand in an expression that names a reviewer. An item is asked about once, by
// whatever number of grants and at whatever time.
func picks(field string) bool { return field != "now" && !strings.HasPrefix(field, "grant.") }

// compilePick compiles an expression; the error names line and column.
func compilePick(expr string) (*pick, error) {
	env, err := environment(picks)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expr)
	if issues.Err() != nil {
		if msg := issues.Err().Error(); strings.Contains(msg, "undeclared reference to 'grant'") || strings.Contains(msg, "undeclared reference to 'now'") {
			return nil, model.Errorf(model.Invalid, "reviewers: %q: grant and now cannot name a reviewer, as an item may stand for several grants; use person, account, entitlement and source", expr)
		}
		return nil, complain(issues, "reviewers")
	}
	if ast.OutputType() != cel.StringType {
		return nil, model.Errorf(model.Invalid, "reviewers: %q must give a person_id, which is a text; it gives %s", expr, ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, model.Errorf(model.Invalid, "reviewers: %q: %v", expr, err)
	}
	return &pick{program: program}, nil
}

// personID is whom the expression names for a row; "" where it cannot tell, or names nobody: then the next rule
// is asked.
func (p *pick) personID(row Row) string {
	out, _, err := p.program.Eval(&activation{row: row})
	if err != nil || types.IsUnknown(out) {
		return ""
	}
	id, _ := out.Value().(string)
	return strings.TrimSpace(id)
}

// Expressed is the person_id that the rule computes for a row; "" where the rule is no expression, or gives nobody.
func (r Rule) Expressed(row Row) string {
	if r.pick == nil {
		return ""
	}
	return r.pick.personID(row)
}
