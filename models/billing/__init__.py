"""Plans, VAT, charges, documents and reimbursement: from an accepted session to a finished document content."""
