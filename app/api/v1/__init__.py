"""Version 1 of the REST interface. Changes only add; what breaks becomes version 2."""

from fastapi import APIRouter

from app.api.v1 import openapi, roster

router = APIRouter(prefix="/api/v1")
router.include_router(openapi.router)
router.include_router(roster.router)
