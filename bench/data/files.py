"""files.py SITE SCALE: uploaded files below /sites/SITE (half random bytes for pdf and jpg, half text) and a brand's below /assets.

SCALE 1 is about 1.65 GB in 11,000 files.
"""
import os,random,sys
random.seed(7)
SITE=sys.argv[1]; SCALE=float(sys.argv[2])
words=[l for l in ("account supplier customer invoice ledger warehouse stock item delivery note purchase order sales payment entry journal cost center project task employee leave salary slip serial batch quality inspection asset depreciation budget tax template rate amount total outstanding posting date company currency exchange naming series docstatus owner modified creation parent parenttype parentfield idx").split()]
def text(n):
    out=[];l=0
    while l<n:
        s=random.choice(words)+(str(random.randint(0,99999)) if random.random()<.3 else '')
        out.append(s); l+=len(s)+1
    return (' '.join(out))[:n]
pool=text(8_000_000)
def tslice(n):
    # compressible, yet not one block repeated: words drawn with fresh numbers in csv/json lines
    out=[];l=0
    while l<n:
        o=random.randrange(0,len(pool)-400)
        k=random.randint(40,160)
        if random.random()<.5: s='%s,%d,%.2f,"%s"\n'%(random.choice(words),random.randint(1,10**9),random.random()*1e5,pool[o:o+k])
        else: s='{"name":"%s-%05d","value":%.3f,"text":"%s"}\n'%(random.choice(words).upper(),random.randint(0,99999),random.random()*1e4,pool[o:o+k])
        out.append(s); l+=len(s)
    return ''.join(out)[:n].encode()
big=tslice(40_000_000)  # then slices re-cut at random spots, with line order shuffled
lines=big.split(b'\n')
def comp(n):
    out=[];l=0
    while l<n:
        i=random.randrange(len(lines)); s=lines[i]+b' %08x\n'%random.getrandbits(32); out.append(s); l+=len(s)
    return b''.join(out)
# sites: 4000 random files avg ~188 KB, 4000 text files avg ~188KB => 1.5 GB
def sizes(n,total):
    x=[random.lognormvariate(0,1.2) for _ in range(n)]; k=total/sum(x); return [int(v*k)+200 for v in x]
for i,s in enumerate(sizes(int(4000*SCALE),int(750_000_000*SCALE))):
    d=f'/sites/{SITE}/{"private" if i%2 else "public"}/files/{i%97:02d}'; os.makedirs(d,exist_ok=True)
    open(f'{d}/doc{i:05d}.{"pdf" if i%3 else "jpg"}','wb').write(random.randbytes(int(s)))
for i,s in enumerate(sizes(int(4000*SCALE),int(750_000_000*SCALE))):
    d=f'/sites/{SITE}/{"private/files/csv" if i%2 else "logs"}/{i%53:02d}'; os.makedirs(d,exist_ok=True)
    open(f'{d}/t{i:05d}.{("csv","json","txt")[i%3]}','wb').write(comp(int(s)))
for i,s in enumerate(sizes(int(3000*SCALE),int(150_000_000*SCALE))):
    d=f'/assets/{("frappe","erpnext","hrms")[i%3]}/dist/{i%41:02d}'; os.makedirs(d,exist_ok=True)
    t=text(2000).encode()
    out=[];l=0
    while l<s:
        w=random.choice(words); v='%x'%random.getrandbits(20)
        q='function %s_%s(a,b){return a.%s!==b&&frappe.call({method:"%s.%s",args:{name:%d}}).then(r=>r.message)};\n'%(w,v,random.choice(words),random.choice(words),random.choice(words),random.randint(0,9999))
        out.append(q); l+=len(q)
    open(f'{d}/b{v}{i:05d}.{("js","css","js.map")[i%3]}','w').write(''.join(out))
