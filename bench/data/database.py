"""database.py SCALE: SQL for an ERPNext-like database, on stdout.

12 large tables, 600 small ones, Frappe's column types and secondary indexes; what a site already has of them is replaced.
SCALE 1 is about 1.35 GB as a dump and 2.5 GB on disk. The ledger balances: entries come in pairs.
"""
import random,sys
SCALE=float(sys.argv[1]) if len(sys.argv)>1 else 1.0
random.seed(3)
std="`name` varchar(140) NOT NULL,`creation` datetime(6) DEFAULT NULL,`modified` datetime(6) DEFAULT NULL,`modified_by` varchar(140) DEFAULT NULL,`owner` varchar(140) DEFAULT NULL,`docstatus` tinyint(4) NOT NULL DEFAULT 0,`idx` int(11) NOT NULL DEFAULT 0"
eng=" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
S=[]
hashn="substr(md5(concat(seq,'%s')),1,10)"
def stdv(t,namef): return f"{namef},timestampadd(microsecond,seq*7919,timestampadd(second,seq*37,'2021-01-01')),timestampadd(microsecond,seq*104729,timestampadd(second,seq*39,'2021-01-02')),elt(1+seq%7,'Administrator','asha@erp.local','ravi@erp.local','li@erp.local','ana@erp.local','bo@erp.local','kim@erp.local'),elt(1+seq%5,'Administrator','asha@erp.local','ravi@erp.local','li@erp.local','ana@erp.local'),1,seq%20"
V=lambda n:f"`{n}` varchar(140) DEFAULT NULL"
D=lambda n:f"`{n}` decimal(21,9) NOT NULL DEFAULT 0.000000000"
def acct(k): return f"elt(1+(seq*{k})%9,'Debtors - BYR','Creditors - BYR','Stock In Hand - BYR','Sales - BYR','Cost of Goods Sold - BYR','GST Output Tax - BYR','Freight and Forwarding Charges - BYR','Cash - BYR','Round Off - BYR')"
item="concat('ITEM-',lpad((seq*7919)%12000,5,'0'))"; cust="concat('Customer ',(seq*613)%4000)"
inv="concat('ACC-SINV-2024-',lpad(seq div 4,6,'0'))"
def r(m): return f"round(rand(seq*{random.randint(3,99)})*{m},2)"
PAIR='round(rand((seq+1) div 2*7)*1e5,2)'
def date(k): return f"date_add('2021-01-01', interval (seq div {k})%1400 day)"
T={}
def t(name,n,cols,keys,namef=None):
    nf=namef or hashn%name
    if not name.endswith('Item') and 'creation' not in keys: keys=keys+['creation'] # as frappe 16 makes every table but a child's
    n=max(2,int(n*SCALE)//2*2)
    ddl=f"DROP TABLE IF EXISTS `{name}`;CREATE TABLE `{name}` ({std},"+",".join(c for c,_ in cols)+",PRIMARY KEY(`name`)"+"".join(f",KEY `{k}_index` (`{k}`)" for k in keys)+")"+eng+";"
    ins=f"INSERT INTO `{name}` SELECT {stdv(name,nf)},"+",".join(e for _,e in cols)+f" FROM seq_1_to_{n};"
    T[name]=(ddl,ins)
J="concat('{\"added\":[],\"changed\":[[\"grand_total\",\"₹ ',{a},'\",\"₹ ',{b},'\"],[\"status\",\"Draft\",\"',elt(1+seq%4,'Submitted','Unpaid','Paid','Overdue'),'\"],[\"modified\",\"2024-03-',lpad(seq%28,2,'0'),' 10:11:12.',seq%999999,'\",\"\"]],\"data_import\":null,\"removed\":[],\"row_changed\":['".replace('{a}',r(1e5)).replace('{b}',r(1e5))
J+=",group_concat_x,']}')"
rows=",".join(f"concat('[\"items\",{i},\"',substr(md5(seq+{i}),1,10),'\",[[\"rate\",\"',{r(9999)},'\",\"',{r(9999)},'\"],[\"item_name\",\"old text {i}\",\"',{item},'\"]]]',if({i}<6,',',''))" for i in range(7))
J=J.replace("group_concat_x",f"concat({rows})")
txt=lambda n:f"substr(concat(repeat(concat('Dear ',{cust},', please find attached invoice ',{inv},' for ',{r(9e4)},' due in ',seq%60,' days. '),2),hex(md5(seq)),repeat(concat(' Regards, accounts team; ref ',seq*31,' item ',{item},'. '),8),sha2(seq,256),repeat(concat('<p style=\"margin:0\">Line ',seq%977,' warehouse Stores - BYR</p>'),6)),1,{n})"
tb="concat('Traceback (most recent call last):\\n  File \"apps/frappe/frappe/app.py\", line ',seq%400,', in application\\n    response = frappe.api.handle(request)\\n',repeat(concat('  File \"apps/erpnext/erpnext/accounts/doctype/gl_entry/gl_entry.py\", line ',seq%977,', in validate\\n    self.check_mandatory(',substr(md5(seq),1,8),')\\n'),18),'frappe.exceptions.ValidationError: ',sha2(seq,256))"
t('tabGL Entry',620000,[("`posting_date` date DEFAULT NULL",date(450)),(V('account'),acct(3)),(V('party_type'),"if(seq%3=0,'Customer',NULL)"),(V('party'),f"if(seq%3=0,{cust},NULL)"),(V('cost_center'),"elt(1+seq%3,'Main - BYR','North - BYR','South - BYR')"),(D('debit'),f"if(seq%2,{PAIR},0)"),(D('credit'),f"if(seq%2,0,{PAIR})"),(D('debit_in_account_currency'),f"if(seq%2,{PAIR},0)"),(D('credit_in_account_currency'),f"if(seq%2,0,{PAIR})"),(V('account_currency'),"'INR'"),(V('against'),acct(5)),(V('against_voucher_type'),"'Sales Invoice'"),(V('against_voucher'),inv),(V('voucher_type'),"'Sales Invoice'"),(V('voucher_no'),inv),(V('voucher_detail_no'),"NULL"),("`remarks` text DEFAULT NULL","concat('Against ',seq%4000)"),(V('company'),"'Byrne Ltd'"),(V('fiscal_year'),"'2024'"),("`is_cancelled` tinyint(4) NOT NULL DEFAULT 0","0")],['posting_date','account','party','against_voucher','voucher_no','company','modified','creation'],namef="concat('ACC-GLE-2024-',lpad(seq,7,'0'))")
t('tabStock Ledger Entry',330000,[(V('item_code'),item),(V('warehouse'),"elt(1+seq%5,'Stores - BYR','Finished Goods - BYR','WIP - BYR','Transit - BYR','Reject - BYR')"),("`posting_date` date",date(250)),("`posting_datetime` datetime(6)","timestampadd(second,seq*41,'2021-01-01')"),(V('voucher_type'),"'Delivery Note'"),(V('voucher_no'),"concat('MAT-DN-',seq div 3)"),(V('voucher_detail_no'),"substr(md5(seq*5),1,10)"),(D('actual_qty'),r(100)),(D('qty_after_transaction'),r(5000)),(D('incoming_rate'),r(900)),(D('valuation_rate'),r(900)),(D('stock_value'),r(9e5)),(D('stock_value_difference'),r(9e4)),("`stock_queue` longtext","concat('[[',seq%400,',',seq%97,'.5]]')"),(V('company'),"'Byrne Ltd'"),(V('batch_no'),"NULL")],['item_code','posting_datetime','voucher_no','voucher_detail_no','warehouse','modified'])
t('tabSales Invoice',70000,[(V('customer'),cust),("`posting_date` date",date(50)),(V('status'),"elt(1+seq%4,'Draft','Paid','Unpaid','Overdue')")]+[(D(f'amount_{i}'),r(1e5)) for i in range(40)]+[(V(f'link_{i}'),acct(i+1)) for i in range(20)]+[(f"`text_{i}` text",txt(200)) for i in range(3)],['customer','posting_date','status','modified'],namef="concat('ACC-SINV-2024-',lpad(seq,6,'0'))")
t('tabSales Invoice Item',240000,[(V('parent'),inv),(V('parentfield'),"'items'"),(V('parenttype'),"'Sales Invoice'"),(V('item_code'),item),(V('item_name'),item),("`description` text",f"concat('<div>',{item},' ',substr(md5(seq),1,16),'</div>')")]+[(D(f'rate_{i}'),r(9999)) for i in range(22)]+[(V(f'acc_{i}'),acct(i+2)) for i in range(6)],['parent','item_code','modified'])
t('tabPurchase Invoice Item',120000,[(V('parent'),inv),(V('parentfield'),"'items'"),(V('parenttype'),"'Purchase Invoice'"),(V('item_code'),item)]+[(D(f'rate_{i}'),r(9999)) for i in range(18)]+[(V(f'acc_{i}'),acct(i+2)) for i in range(6)],['parent','item_code','modified'])
t('tabPayment Ledger Entry',200000,[("`posting_date` date",date(150)),(V('account'),acct(3)),(V('party'),cust),(V('voucher_no'),inv),(V('against_voucher_no'),inv),(D('amount'),r(1e5)),(D('amount_in_account_currency'),r(1e5)),(V('company'),"'Byrne Ltd'")],['posting_date','account','party','voucher_no','against_voucher_no','modified'])
t('tabVersion',230000,[(V('ref_doctype'),"'Sales Invoice'"),(V('docname'),inv),("`data` longtext",J)],['docname','modified'])
t('tabError Log',30000,[(V('method'),"'frappe.tasks'"),("`error` longtext",tb)],['modified','creation'],)
t('tabCommunication',60000,[(V('subject'),cust),("`content` longtext",txt(1600)),("`text_content` longtext",txt(1200)),(V('reference_name'),inv)],['reference_name','modified'])
t('tabFile',60000,[(V('file_name'),"concat(md5(seq),'.pdf')"),("`file_url` text","concat('/private/files/',md5(seq),'.pdf')"),(V('attached_to_name'),inv),(V('content_hash'),"sha1(seq)")],['attached_to_name','content_hash','modified'])
t('tabComment',150000,[(V('reference_name'),inv),("`content` text",txt(240))],['reference_name','modified'])
t('tabActivity Log',120000,[("`subject` text","concat('logged in ',seq)"),(V('user'),"'asha@erp.local'"),("`ip` varchar(40)","concat('10.0.',seq%255,'.',seq%17)")],['user','modified'])
small=[]
for i in range(600):
    n=f'tabDocType {i:03d}'; k=random.choice([0,0,3,10,40,120])
    t(n,max(k,1),[(V(f'f{j}'),f"concat('v',seq*{j+3})") for j in range(random.randint(6,25))]+[(D('d1'),'seq'),("`descr` text","md5(seq)")],['modified','f1'])
print("\n".join(a+"\n"+b for a,b in T.values()))
