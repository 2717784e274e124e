package web

import (
	"fmt"
	"net/http"
	"slices"

	"recert/model"
)

// rule says who may use a route. There is no usable zero value: a route without a rule is not
// registered.
type rule string

// The rules. Beyond them, a handler asks about the single object.
const (
	public   rule = "public"    // nobody needs to be signed in
	signedIn rule = "signed in" // everybody who is; the object decides
	byRole   rule = "by role"   // who has one of the route's roles
)

// route is one address and what it takes to use it.
type route struct {
	method, path string
	access       rule
	roles        []model.Role // of byRole
	body         int64        // bytes that a request may have; 0 is formLimit
	do           func(http.ResponseWriter, *request) error
}

const (
	formLimit   = 256 << 10
	reportLimit = 16 << 10
	uploadLimit = 2 << 30
)

var (
	readers  = []model.Role{model.Admin, model.CampaignManager, model.Auditor}
	managers = []model.Role{model.Admin, model.CampaignManager}
	admins   = []model.Role{model.Admin}
)

// routes is every address of the site, in one table. GET answers HEAD too.
func (s *site) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{method: get, path: "/{$}", access: signedIn, do: s.home},
		{method: get, path: "/deputies", access: signedIn, do: s.deputies},
		{method: post, path: "/deputies", access: signedIn, do: s.nameDeputy},
		{method: post, path: "/deputies/{id}/end", access: signedIn, do: s.endDeputy},
		{method: get, path: "/help", access: signedIn, do: s.help},
		{method: post, path: "/preferences", access: signedIn, do: s.preferences},

		{method: get, path: "/reviews/{campaign}", access: signedIn, do: s.review},
		{method: post, path: "/reviews/{campaign}/items/{item}", access: signedIn, do: s.decide},
		{method: post, path: "/reviews/{campaign}/items/{item}/undo", access: signedIn, do: s.undo},
		{method: post, path: "/reviews/{campaign}/sign-off", access: signedIn, do: s.signOff},
		{method: get, path: "/people/{id}", access: signedIn, do: s.person},
		{method: get, path: "/notices", access: signedIn, do: s.ownNotices},
		{method: get, path: "/notices/{id}", access: signedIn, do: s.ownNotice},
		{method: post, path: "/notices/{id}/contest", access: signedIn, do: s.contest},

		{method: get, path: "/campaigns", access: byRole, roles: readers, do: s.campaigns},
		{method: get, path: "/campaigns/new", access: byRole, roles: managers, do: s.newCampaign},
		{method: post, path: "/campaigns/new", access: byRole, roles: managers, do: s.createCampaign},
		{method: get, path: "/campaigns/{id}/live", access: byRole, roles: readers, do: s.campaignLive},
		{method: get, path: "/campaigns/{id}/yaml", access: byRole, roles: readers, do: s.campaignYAML},
		{method: get, path: "/campaigns/{id}", access: byRole, roles: readers, do: s.campaign},
		{method: get, path: "/campaigns/{id}/preview", access: byRole, roles: readers, do: s.preview},
		{method: post, path: "/campaigns/{id}/launch", access: byRole, roles: managers, do: s.launch},
		{method: post, path: "/campaigns/{id}/hand-over", access: byRole, roles: managers, do: s.handOver},
		{method: post, path: "/campaigns/{id}/pause", access: byRole, roles: managers, do: s.pause},
		{method: post, path: "/campaigns/{id}/resume", access: byRole, roles: managers, do: s.resumeRun},
		{method: post, path: "/campaigns/{id}/due", access: byRole, roles: managers, do: s.extend},
		{method: get, path: "/campaigns/{id}/close", access: byRole, roles: managers, do: s.closePage},
		{method: post, path: "/campaigns/{id}/close", access: byRole, roles: managers, do: s.close},
		{method: post, path: "/campaigns/{id}/export", access: byRole, roles: readers, do: s.export},

		{method: get, path: "/sources", access: byRole, roles: readers, do: s.sources},
		{method: get, path: "/sources/new", access: byRole, roles: admins, do: s.newSource},
		{method: post, path: "/sources/new", access: byRole, roles: admins, do: s.createSource},
		{method: get, path: "/sources/{name}", access: byRole, roles: readers, do: s.source},
		{method: get, path: "/sources/{name}/edit", access: byRole, roles: admins, do: s.editSource},
		{method: post, path: "/sources/{name}/edit", access: byRole, roles: admins, do: s.changeSource},
		{method: get, path: "/sources/{name}/live", access: byRole, roles: readers, do: s.sourceLive},
		{method: post, path: "/sources/{name}/read", access: byRole, roles: admins, do: s.readNow},
		{method: post, path: "/sources/{name}/test", access: byRole, roles: admins, do: s.testDesk},
		{method: post, path: "/sources/{name}/resume", access: byRole, roles: admins, do: s.resume},
		{method: get, path: "/sources/{name}/upload", access: byRole, roles: admins, do: s.uploadPage},
		{method: post, path: "/sources/{name}/upload", access: byRole, roles: admins, body: uploadLimit, do: s.upload},
		{method: get, path: "/sources/{name}/upload/{token}", access: byRole, roles: admins, do: s.mapping},
		{method: post, path: "/sources/{name}/upload/{token}", access: byRole, roles: admins, do: s.confirmUpload},
		{method: get, path: "/snapshots/{id}", access: byRole, roles: readers, do: s.snapshot},
		{method: get, path: "/snapshots/{id}/rows", access: byRole, roles: readers, do: s.snapshotList},
		{method: get, path: "/snapshots/{id}/rejects.csv", access: byRole, roles: readers, do: s.rejects},
		{method: post, path: "/snapshots/{id}/release", access: byRole, roles: admins, do: s.release},
		{method: post, path: "/snapshots/{id}/discard", access: byRole, roles: admins, do: s.discard},

		{method: get, path: "/access", access: byRole, roles: readers, do: s.whoHasWhat},
		{method: get, path: "/tasks/{id}", access: signedIn, do: s.task},
		{method: post, path: "/tasks/{id}", access: signedIn, body: taskLimit, do: s.reportTask},
		{method: get, path: "/tasks/{id}/files/{file}", access: signedIn, do: s.taskFile},
		{method: get, path: "/revocations", access: byRole, roles: readers, do: s.revocations},
		{method: get, path: "/revocations/live", access: byRole, roles: readers, do: s.revocationsLive},
		{method: get, path: "/revocations/{id}", access: signedIn, do: s.revocation},
		{method: post, path: "/revocations/{id}/retry", access: byRole, roles: managers, do: s.retry},
		{method: post, path: "/revocations/{id}/restore", access: byRole, roles: managers, do: s.restore},
		{method: post, path: "/revocations/{id}/give-up", access: byRole, roles: managers, do: s.giveUp},
		{method: post, path: "/revocations/{id}/approve", access: byRole, roles: admins, do: s.approve},
		{method: post, path: "/revocations/{id}/contest", access: signedIn, do: s.answerContest},
		{method: post, path: "/revocations/{id}/decline", access: byRole, roles: admins, do: s.decline},
		{method: post, path: "/revocations/retry", access: byRole, roles: managers, do: s.retryAll},
		{method: post, path: "/revocations/approve", access: byRole, roles: admins, do: s.approveAll},
		{method: post, path: "/revocations/stop", access: byRole, roles: managers, do: s.stopRemovals},
		{method: post, path: "/revocations/go", access: byRole, roles: admins, do: s.goRemovals},
		{method: get, path: "/messages", access: byRole, roles: readers, do: s.messages},
		{method: get, path: "/messages/{id}", access: byRole, roles: readers, do: s.message},
		{method: post, path: "/messages/{id}/retry", access: byRole, roles: managers, do: s.retryMessage},
		{method: post, path: "/messages/test", access: byRole, roles: managers, do: s.testMessage},
		{method: post, path: "/messages/retry", access: byRole, roles: managers, do: s.retryMessages},
		{method: get, path: "/evidence", access: byRole, roles: readers, do: s.evidence},

		{method: post, path: "/hooks/removals/{token}", access: public, body: hookLimit, do: s.removalHook}, // its signature is the proof

		{method: get, path: "/login", access: public, do: s.login},
		{method: get, path: "/login/callback", access: public, do: s.callback},
		{method: get, path: "/login/link", access: public, do: s.linkPage},
		{method: post, path: "/login/link", access: public, do: s.useLink},
		{method: get, path: "/logout", access: public, do: s.signedOut},
		{method: post, path: "/logout", access: public, do: s.logout}, // a session that is over already ends here too,
		{method: post, path: "/logout/backchannel", access: public, do: s.backchannel},

		{method: get, path: "/static/", access: public, do: s.static},
		{method: get, path: "/healthz", access: public, do: s.healthz},
		{method: get, path: "/readyz", access: public, do: s.readyz},
		{method: get, path: "/metrics", access: public, do: s.metricsPage}, // it asks by itself: loopback or an admin
		{method: post, path: "/csp", access: public, body: reportLimit, do: s.cspReport},
	}
}

// check refuses a route that does not say who may use it.
func (rt route) check() error {
	switch rt.access {
	case public, signedIn:
		if len(rt.roles) > 0 {
			return fmt.Errorf("web: %s %s names roles that nobody asks for", rt.method, rt.path)
		}
	case byRole:
		if len(rt.roles) == 0 {
			return fmt.Errorf("web: %s %s names no role", rt.method, rt.path)
		}
	default:
		return fmt.Errorf("web: %s %s does not say who may use it", rt.method, rt.path)
	}
	if rt.do == nil || !slices.Contains([]string{http.MethodGet, http.MethodPost}, rt.method) {
		return fmt.Errorf("web: %s %s has no handler, or a method that forms do not have", rt.method, rt.path)
	}
	return nil
}

// may tells whether the actor may use the route at all.
func (rt route) may(signed bool, actor model.Actor) bool {
	switch rt.access {
	case public:
		return true
	case signedIn:
		return signed
	case byRole:
		return signed && actor.Has(rt.roles...)
	}
	return false
}
