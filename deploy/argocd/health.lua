-- What Argo CD makes of headcount's objects: `resource.customizations` of argocd-cm, under the key `headcount.dev/*`, as `health.lua`.
-- Suspended: somebody has to approve, or said that nothing is to be changed. Degraded: somebody has to do something. Drift alone is Healthy.
local inert = { Plan = true, PlanApproval = true, Persona = true, ConnectorTest = true }
local function is(status, message)
  return { status = status, message = message or "" }
end

local told = obj.status or {}
local conditions = {}
for _, one in ipairs(told.conditions or {}) do
  conditions[one.type] = one
end
local function holds(kind, status)
  return conditions[kind] ~= nil and conditions[kind].status == (status or "True")
end
local function words(kind)
  local one = conditions[kind]
  if one.message == nil or one.message == "" then return one.reason end
  return one.reason .. ": " .. one.message
end

-- Nothing is ever said of these, or nothing that anybody waits for.
if inert[obj.kind] then return is("Healthy") end
local old = told.observedGeneration ~= nil and obj.metadata.generation ~= nil and told.observedGeneration < obj.metadata.generation
if holds("Stalled") and conditions.Stalled.reason ~= "ApprovalRequired" then return is("Degraded", words("Stalled")) end
if told.conditions == nil then
  -- Of what is neither a system nor the Workspace something is said only where it can't be used.
  local runs = { Workspace = true, Source = true, Target = true }
  if runs[obj.kind] then return is("Progressing", "headcount has said nothing of it yet") end
  return is("Healthy")
end
if old then return is("Progressing", "headcount works on an older version of it") end
if holds("ApprovalRequired") then return is("Suspended", words("ApprovalRequired")) end
if holds("Suspended") then return is("Suspended", words("Suspended")) end
if holds("Ready") then return is("Healthy", conditions.Ready.message) end
if holds("Ready", "False") and not holds("Reconciling") then return is("Degraded", words("Ready")) end
return is("Progressing", holds("Reconciling") and words("Reconciling") or "")
