"""The area of billing: retail prices, charges, reimbursements, and the close that issues documents."""
