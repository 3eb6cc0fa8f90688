# What a plan of images must not do, for a policy engine that reads Rego (Open Policy Agent, Conftest).
# The input is `bake plan -json` or `bake show -json PLAN`, as docs/schemas/plan.json describes it.
package bake

import rego.v1

# Images whose address begins so are destroyed by no pull request.
protected := ["image.prod", "module.prod."]

# Each image that something happens to and that stands afterwards.
changed contains image if {
	some image in input.resource_changes
	not image.action in {"none", "destroy"}
}

deny contains message if {
	some image in input.resource_changes
	image.action == "destroy"
	some prefix in protected
	startswith(image.address, prefix)
	message := sprintf("%s is protected, and would be destroyed", [image.address])
}

deny contains message if {
	some image in changed
	not team(image)
	message := sprintf("%s has no tag \"team\": nobody would know whose it is", [image.address])
}

deny contains message if {
	some image in changed
	some publish in object.get(image.change.after, "publish", [])
	some share in object.get(publish, "share", [])
	share.public == true
	message := sprintf("%s would be shared with everybody", [image.address])
}

deny contains message if {
	some image in changed
	object.get(image.change.after, "scratch", []) != []
	object.get(image.change.after, "reproducible", false) != true
	message := sprintf("%s is made from scratch and not reproducible: no one can build it again and compare", [image.address])
}

# A plan that leaves something out says so in a warning; it is no basis for an approval.
deny contains message if {
	some warning in input.warnings
	startswith(warning.summary, "the plan is partial")
	message := "the plan is partial: plan without -target and -exclude"
}

# Worth knowing, and no reason to refuse.
warn contains message if {
	some image in input.resource_drift
	message := sprintf("%s was changed outside of bake", [image.address])
}

team(image) if {
	some publish in image.change.after.publish
	publish.tags.team != ""
}
