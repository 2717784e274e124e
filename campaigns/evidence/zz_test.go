package evidence_test
import ("testing";"recert/model/store")
func TestZZ(t *testing.T){ tpl:=newTemplate(t, store.SQLite); v:=tpl.vandal(t)
for _,s:=range v.strings("select id||' '||item_id||' '||mode||' '||state||' '||proof||' '||reason from remediations"){t.Log(s)}
for _,s:=range v.strings("select remediation_id||' '||n||' '||outcome||' '||before||' '||after||' '||detail from attempts"){t.Log(s)}
}
