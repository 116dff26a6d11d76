# The commands of this repository; each is a short script of the same name in scripts/.
# A machine that has nothing yet is prepared on the way. Variables: PORT, DB, ODOO_HOME,
# DATABASE_URL (see README.md).

.DEFAULT_GOAL := help
.PHONY: help run test lint format pot shell bench prepare clean
.SILENT:

help:  ## this list
	sed -n 's/^\([a-z]*\):.*## /make \1	/p' $(MAKEFILE_LIST) | expand -t 16

run:  ## serve the example company on http://127.0.0.1:8069 (admin / admin)
	scripts/run

test:  ## every test; the last line is "N passed, N failed"
	scripts/test

lint:  ## check the form of the code
	scripts/lint

format:  ## give Python and XML files their form
	scripts/format

pot:  ## write the translation template
	scripts/pot

shell:  ## an Odoo shell on the example database
	scripts/odoo shell -d $(or $(DB),crm_relations) --no-http

bench:  ## the benchmarks
	scripts/bench

prepare:  ## fetch and build what the other commands need
	scripts/prepare

clean:  ## stop what runs here and delete .dev
	scripts/clean
