import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import ts from 'typescript'

/** What `docComments` found: the name of each exported member, `file: Type.member`, by whether it has a comment. */
export interface DocComments { readonly documented: readonly string[], readonly missing: readonly string[] }

const root = join(import.meta.dirname, '..', '..')

/** The sources of the package's entries, and every file of `types/`. */
export function publicFiles (): { readonly entries: readonly string[], readonly types: readonly string[] } {
  const manifest = readFileSync(join(root, 'package.json'), 'utf8')
  const { exports } = JSON.parse(manifest) as { readonly exports: Record<string, string> }
  return {
    entries: Object.values(exports).filter(path => path.endsWith('.js'))
      .map(path => path.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts')),
    types: readdirSync(join(root, 'types')).filter(name => /^[^.]+\.ts$/.test(name)).map(name => `types/${name}`)
  }
}

/**
 * Looks for the doc comment of everything that an entry exports, of its members, and of the project's own types that
 * those name; and of everything in the files of `whole`. What Node and Fastify declare does not count. `virtual` has
 * the text of files that are not on the disk.
 */
export function docComments (
  entries: readonly string[], whole: readonly string[], virtual: { readonly [path: string]: string } = {}
): DocComments {
  const program = programOf([...entries, ...whole], virtual)
  const checker = program.getTypeChecker()
  const seen = new Set<ts.Node>()
  const found = { documented: new Set<string>(), missing: new Set<string>() }

  function visitSymbol (symbol: ts.Symbol | undefined): void {
    if (symbol === undefined) return
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    for (const declaration of target.declarations ?? []) {
      if (!ts.isTypeParameterDeclaration(declaration)) visit(declaration, pathOf(declaration.getSourceFile().fileName))
    }
  }

  /** One declaration or part of a type: counts it if it has a name that users write, and goes on to its parts. */
  function visit (node: ts.Node, owner: string): void {
    if (seen.has(node)) return
    seen.add(node)
    const name = nameOf(node)
    const path = name === undefined ? owner : owner.endsWith('.ts') ? `${owner}: ${name}` : `${owner}.${name}`
    if (name !== undefined) (hasComment(node) ? found.documented : found.missing).add(path)
    if (ts.isTypeReferenceNode(node)) visitSymbol(checker.getSymbolAtLocation(node.typeName))
    if (ts.isExpressionWithTypeArguments(node)) visitSymbol(checker.getSymbolAtLocation(node.expression))
    ts.forEachChild(node, child => { if (isPublicPart(node, child)) visit(child, path) })
  }

  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, entry))!)
    if (module === undefined) throw new Error(`${entry} exports nothing`)
    checker.getExportsOfModule(module).forEach(visitSymbol)
  }
  for (const file of [...entries, ...whole]) {
    for (const statement of program.getSourceFile(join(root, file))!.statements) {
      if (ts.isModuleDeclaration(statement)) visit(statement, file)
      else if (whole.includes(file) && isExported(statement)) visit(statement, file)
    }
  }
  return { documented: [...found.documented].sort(), missing: [...found.missing].sort() }
}

function nameOf (node: ts.Node): string | undefined {
  if (ts.isInterfaceDeclaration(node)) return isAugmentation(node) ? undefined : node.name.text
  const named = ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) ||
    ts.isVariableDeclaration(node) || ts.isPropertySignature(node) || ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node)
  return named ? node.name?.getText() : undefined
}

/** An interface of another package to which members are added. */
function isAugmentation (node: ts.InterfaceDeclaration): boolean {
  return ts.isModuleBlock(node.parent)
}

function hasComment (node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).some(comment => ts.isJSDoc(comment) &&
    (ts.getTextOfJSDocComment(comment.comment) ?? '').trim() !== '')
}

/** Bodies and initial values are not public, nor are private members. */
function isPublicPart (node: ts.Node, child: ts.Node): boolean {
  if (ts.isBlock(child)) return false
  if ('initializer' in node && node.initializer === child) return false
  return !has(child, ts.SyntaxKind.PrivateKeyword)
}

function isExported (node: ts.Node): boolean {
  return has(node, ts.SyntaxKind.ExportKeyword)
}

function has (node: ts.Node, modifier: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === modifier) === true
}

function pathOf (file: string): string {
  return relative(root, file).split(sep).join('/')
}

/** Only the project's own files: without those of packages, the program is there in less than a second. */
function programOf (files: readonly string[], virtual: { readonly [path: string]: string }): ts.Program {
  const options: ts.CompilerOptions = {
    noLib: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    allowImportingTsExtensions: true
  }
  const host = ts.createCompilerHost(options, true)
  const { getSourceFile } = host
  host.getSourceFile = (path, language) => {
    const text = virtual[pathOf(path)]
    return text === undefined ? getSourceFile(path, language) : ts.createSourceFile(path, text, language, true)
  }
  host.resolveModuleNameLiterals = (names, from) => names.map(({ text }) => {
    const resolvedFileName = join(dirname(from), text)
    const exists = virtual[pathOf(resolvedFileName)] !== undefined || existsSync(resolvedFileName)
    const own = text.startsWith('.') && exists
    return { resolvedModule: own ? { resolvedFileName, extension: ts.Extension.Ts } : undefined }
  })
  return ts.createProgram(files.map(file => join(root, file)), options, host)
}
