package scope

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"recert/model"
)

// Limits on an expression: what it may cost for one row, and how long it may be.
const (
	costLimit = 100_000
	maxRunes  = 4_000
)

// Filter is a compiled expression that says which rows are in. The nil Filter takes every row.
// It is not safe for concurrent use: it reuses one activation.
type Filter struct {
	conditions []condition
	program    cel.Program // nil where there is no expression
	act        activation
	out        string
}

// New compiles a scope: its plain conditions and its where, all of which must hold. A scope without either is the nil
// Filter. now is what counts as the time.
func New(spec model.ScopeSpec, now time.Time) (*Filter, error) {
	f, err := Compile(spec.Where, now)
	if err != nil {
		return nil, err
	}
	conds, err := conditions(spec, now)
	if err != nil || len(conds) == 0 {
		return f, err
	}
	if f == nil {
		f = &Filter{}
	}
	f.conditions = conds
	return f, nil
}

// Out is the setting by which the last row that did not match was out.
func (f *Filter) Out() string { return f.out }

// Compile compiles a where of a scope; "" is a nil Filter. now is what the expression sees as
// the time. The error names line and column.
func Compile(where string, now time.Time) (*Filter, error) {
	if strings.TrimSpace(where) == "" {
		return nil, nil //nolint:nilnil // the nil Filter is the one that takes every row
	}
	env, err := environment(func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(where)
	if issues.Err() != nil {
		return nil, complain(issues, "scope.where")
	}
	if ast.OutputType() != cel.BoolType {
		return nil, model.Errorf(model.Invalid, "scope.where must give true or false; this gives %s", ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, model.Errorf(model.Invalid, "scope.where: %v", err)
	}
	return &Filter{program: program, act: activation{now: timestamp(now)}}, nil
}

// environment has the fields that are allowed.
func environment(allowed func(field string) bool) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxRunes),
		cel.ParserRecursionLimit(50),
		cel.CrossTypeNumericComparisons(true),
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if allowed(name) {
			opts = append(opts, cel.Variable(name, fields[name].kind))
		}
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("make the expression environment: %w", err)
	}
	return env, nil
}

// complain makes one sentence of the first thing that is wrong with the expression of a setting.
func complain(issues *cel.Issues, setting string) error {
	errs := issues.Errors()
	if len(errs) == 0 {
		return model.Errorf(model.Invalid, "%s: %v", setting, issues.Err())
	}
	e := errs[0]
	msg := e.Message
	for _, noun := range []string{"person", "account", "entitlement", "grant", "source"} {
		if strings.Contains(msg, "undeclared reference to '"+noun+"'") {
			msg = noun + " has no such field; it has " + strings.Join(namesOf(noun), ", ")
		}
	}
	return model.Errorf(model.Invalid, "%s: line %d, column %d: %s", setting, e.Location.Line(), e.Location.Column()+1, msg)
}

func namesOf(noun string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if rest, ok := strings.CutPrefix(name, noun+"."); ok {
			names = append(names, rest)
		}
	}
	return names
}

// Match tells whether the row is in, and whether it is in only because the expression could not
// tell: its result hangs on a value that is unknown for this row. An expression that costs too
// much fails, because leaving the row out would be silent.
func (f *Filter) Match(row Row) (in, isUnknown bool, err error) {
	if f == nil {
		return true, false, nil
	}
	for i := range f.conditions {
		switch c := &f.conditions[i]; c.holds(row) {
		case model.No:
			f.out = c.name
			return false, false, nil
		case model.Unknown:
			isUnknown = true
		case model.Yes:
		}
	}
	if f.program == nil {
		return true, isUnknown, nil
	}
	f.act.row = row
	out, _, err := f.program.Eval(&f.act)
	if err != nil {
		if c, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
			return false, false, model.Errorf(model.Invalid, "scope.where costs too much on account %s: %s; simplify it", row.Account.AccountID, c.Message)
		}
		// An attribute that this row has not, a division by zero, a text that is no number:
		// nobody can tell, so the row is in and is counted.
		return true, true, nil
	}
	if types.IsUnknown(out) {
		return true, true, nil
	}
	if out != types.True {
		f.out = "where"
		return false, false, nil
	}
	return true, isUnknown, nil
}
