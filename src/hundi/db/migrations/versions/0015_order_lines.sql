-- Which line of the customer's purchase order an invoice's line is for (contract b2b section 5.2, orderLineReference).
alter table invoice_items add column order_line text;
comment on column invoice_items.order_line is 'The line of the purchase order it is for, as the buyer calls it: <line>, or <order number>/<line>.';
