"""Views of a scorecard: a page to sign, JSON, JUnit and a summary for a CI job. They read nothing but the scorecard."""
