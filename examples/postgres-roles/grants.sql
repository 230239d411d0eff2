-- What the roles may do is yours: headcount says who is in them, and never touches a grant on a table.
CREATE SCHEMA reports;
CREATE TABLE reports.revenue (month date, amount numeric);
GRANT USAGE ON SCHEMA reports TO reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA reports TO reporting;
